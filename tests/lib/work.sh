#!/bin/bash
# Work that people do: work.sh NAME DIR does it in DIR, which holds what tests/lib/worktree.py makes. What it prints, and what
# it leaves, times apart, is the same on every file system.
set -eu -o pipefail
export LC_ALL=C.UTF-8 TZ=UTC PYTHONDONTWRITEBYTECODE=1
umask 022
PY=/usr/bin/python3

# some_files DIR SEED: 2,000 files in 50 directories.
some_files()
{
	$PY - "$@" <<'END'
import os, random, sys
rnd = random.Random(int(sys.argv[2]))
for i in range(50):
    d = "%s/dir%02d/sub" % (sys.argv[1], i)
    os.makedirs(d)
    for k in range(40):
        with open("%s/file%02d.txt" % (d if k % 3 else d + "/..", k), "w") as f:
            f.writelines("line %d\n" % rnd.randrange(10000) for _ in range(rnd.randrange(60)))
END
}

git_setup()
{
	export HOME=$PWD/home GIT_CONFIG_NOSYSTEM=1
	export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com GIT_AUTHOR_DATE='2020-01-01T00:00:00Z'
	export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.com GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
	mkdir -p home
	git config --global gc.auto 0
	git config --global pack.threads 1
	git config --global core.logAllRefUpdates false
	git config --global advice.detachedHead false
	git config --global init.defaultBranch main
}

git_same()
{
	git -C "$1" fsck --strict --no-progress --no-dangling
	git -C "$1" status --porcelain
	git -C "$1" rev-parse HEAD
	git -C "$1" ls-files -s | sha256sum
}

work_git()
{
	mkdir git
	cd git
	git_setup
	git init -q repo
	some_files repo 1
	cp -a ../project repo/
	cd repo
	git add .
	git commit -q -m one
	git checkout -q -b side
	sed -i 's/^line 1/LINE 1/' dir0*/sub/*.txt
	git mv dir10 renamed
	git rm -q -r dir11
	git commit -q -a -m two
	git checkout -q main
	for i in dir2*; do
		echo more >>"$i/file00.txt"
	done
	git commit -q -a -m three
	echo not yet >>dir30/file00.txt
	git stash -q
	git merge -q -m merged side
	git stash pop -q
	git commit -q -a -m four
	git tag -a -m 'a tag' v1
	git gc -q
	cd ..
	git_same repo
	git clone -q repo copy
	git -C copy remote set-url origin ../repo
	diff -r -x .git repo copy
	git clone -q --no-local --bare repo bare.git
	git -C bare.git remote set-url origin ../repo
	for i in HEAD~2 v1 side main; do
		git -C copy checkout -q "$i" -- 2>/dev/null || git -C copy checkout -q -b "$i" "origin/$i"
		git_same copy
	done
	git -C repo archive main | sha256sum
	git -C copy reset -q --hard HEAD~1
	git -C copy clean -q -f -d -x
	git -C copy pull -q --ff-only ../repo main
	git_same copy
	# An index has inode numbers.
	rm repo/.git/index copy/.git/index
}

work_sqlite()
{
	mkdir sqlite
	$PY - sqlite <<'END'
import os, sqlite3, sys
top = sys.argv[1]
WRITERS, ROUNDS = 4, int(os.environ.get("SQLITE_ROUNDS", 40))

def connect(path, mode, mmap):
    db = sqlite3.connect(path, timeout=120, isolation_level=None)
    got = db.execute("pragma journal_mode=" + mode).fetchone()[0]
    assert got == mode, got
    db.execute("pragma synchronous=full")
    db.execute("pragma mmap_size=%d" % mmap)
    return db

def writer(path, mode, mmap, w):
    db = connect(path, mode, mmap)
    for i in range(ROUNDS):
        db.execute("begin immediate")
        db.execute("insert into t values (?, ?, ?)", (w, i, bytes([w + i & 255]) * (i * 37 % 5000)))
        db.execute("update c set n = n + 1")
        db.execute("commit" if i % 7 else "rollback")
        n, c = db.execute("select (select count(*) from t), (select n from c)").fetchone()
        assert n == c, (n, c)
    db.close()

def check(db, what):
    print(what, db.execute("pragma integrity_check").fetchall(), db.execute("select n from c").fetchone(),
          db.execute("select count(*), sum(length(b)) from t").fetchone())

for mode in ("wal", "delete", "truncate", "persist"):
    for mmap in (0, 1 << 26):
        path = "%s/%s-%d.db" % (top, mode, mmap)
        db = connect(path, mode, mmap)
        db.execute("create table t (w, i, b, primary key (w, i)) without rowid")
        db.execute("create table c (n)")
        db.execute("insert into c values (0)")
        pids = []
        for w in range(WRITERS):
            pid = os.fork()
            if not pid:
                writer(path, mode, mmap, w)
                os._exit(0)
            pids.append(pid)
        failed = [p for p in pids if os.waitpid(p, 0)[1]]
        assert not failed, failed
        check(db, mode)
        db.execute("vacuum into '%s/%s-%d-in-order.db'" % (top, mode, mmap))
        db.close()
        for n in sorted(os.listdir(top)):
            if n.startswith("%s-%d.db" % (mode, mmap)):
                print(n)
                os.unlink(top + "/" + n)

# One writer alone leaves the same bytes.
for mode in ("wal", "delete"):
    db = connect("%s/alone-%s.db" % (top, mode), mode, 1 << 26)
    db.execute("create table t (k integer primary key, v text)")
    for i in range(50):
        db.execute("begin")
        db.executemany("insert or replace into t values (?, ?)", ((i * 31 + k * 17, "v" * k) for k in range(100)))
        db.execute("commit")
    db.execute("delete from t where k % 3 = 0")
    db.execute("vacuum")
    print(db.execute("pragma integrity_check").fetchall())
    db.close()
END
}

work_npm()
{
	mkdir npm
	cd npm
	export HOME=$PWD/home npm_config_cache=$PWD/cache npm_config_update_notifier=false npm_config_fund=false
	export npm_config_audit=false npm_config_offline=true npm_config_loglevel=error
	mkdir home
	# PACKAGES: tarballs, the same for both trees. The lock file has paths in it.
	$PY - "$PACKAGES" <<'END'
import json, os, sys
d = sys.argv[1]
names = sorted(n for n in os.listdir(d) if n.startswith("p"))
json.dump({"name": "top", "version": "1.0.0", "scripts": {"test": "node test.js"},
           "dependencies": {n[:3]: "file:%s/%s" % (d, n) for n in names}}, open("package.json", "w"), indent=1)
END
	cat >test.js <<'END'
let sum = 0;
for (const name of Object.keys(require("./package.json").dependencies).sort()) sum += require(name).value();
console.log(sum);
END
	npm install --no-package-lock >/dev/null
	npm test --silent
	npm ls --all --parseable | wc -l
	ls node_modules/.bin | wc -l
	npm uninstall --no-package-lock p03 p07 >/dev/null
	npm test --silent
	rm -rf cache home node_modules/.package-lock.json package.json
	find node_modules -type f | wc -l
}

work_compile()
{
	local o=build/part05.o
	cd project
	make -s -j2
	build/program | sha256sum
	make -q
	make
	sleep 1.1
	touch src/part03.c include/h39.h
	make -n | grep -c -- ' -c -o '
	make -s -j2
	make -q
	gcc -flto -O2 -Iinclude -o build/whole src/*.c
	build/whole | sha256sum
	strip -o build/stripped build/program
	objcopy --only-keep-debug build/program build/debug
	ar t build/libparts.a | wc -l
	rm $o build/whole build/stripped build/debug
	make -s
	cp -a build ../built
	make -q
	rm -rf build
	make -s -j2
	diff -r build ../built
}

work_archives()
{
	local i
	tar --sort=name --mtime=@0 --owner=0 --group=0 -cf - old | sha256sum
	tar -cf old.tar old
	mkdir out
	tar -xpf old.tar -C out
	diff -r --no-dereference old out/old
	for i in 1 2; do
		(mkdir "out/$i" && tar -cf - old large | tar -xf - -C "out/$i") &
	done
	wait
	tar -czf some.tgz -C out/1 old/d01 old/d02
	tar -xzf some.tgz -C out/2 --overwrite --exclude=f04
	tar -df some.tgz -C out/2 2>&1
	tar -rf old.tar -C out/1/old d05
	tar --delete -f old.tar old/d05
	tar -tf old.tar | wc -l
	rm some.tgz old.tar
}

work_copies()
{
	cp -a old copy
	diff -r --no-dereference old copy
	rsync -aH old/ synced/
	rsync -aH --itemize-changes old/ synced/
	echo changed >synced/d10/a/f00
	rm -r synced/d11 old/d12
	rsync -aH --delete --checksum --itemize-changes old/ synced/ | sort
	rsync -aH --inplace --no-whole-file large/ synced.large/
	printf x | dd of=large/f1 bs=1 seek=1000000 conv=notrunc status=none
	rsync -aH --inplace --no-whole-file --checksum large/ synced.large/
	cmp large/f1 synced.large/f1
	cp -al copy linked
	cp -a --sparse=always large/f0 sparse
	cp --reflink=auto large/f2 large/f3
	mv large moved
	mv old/d20 old/d21/
	mv old/d21 elsewhere
	install -D -m 750 moved/f5 made/for/it
	ln -s moved large
	truncate -s 10M sparse
}

# Trees that come from below go, come again, and go.
work_removals()
{
	rm -rf old
	test ! -e old
	mkdir old
	some_files old 3
	find old -name 'file0*' -delete
	rm -rf old/dir1?
	mv old/dir20 old/dir21/dir
	rm -rf project/include
	mkdir project/include
	echo '#define NEW 1' >project/include/h00.h
	find . -mindepth 1 | sort | sha256sum
	rm -r pages
	cp -a old pages
	rm -rf pages/dir2* pages/dir3*
	rmdir pages/* 2>/dev/null || :
	find pages -type d | wc -l
}

work_edits()
{
	sed -i 's/word 3/WORD three/' pages/*
	perl -pi -e 's/word 4/four/' pages/p1*
	cp -a pages pages.orig
	sort -n -k3 -o pages/p20 pages/p20
	split -l 37 -d -a 3 pages/p00 pages/part.
	cat pages/part.* | cmp - pages/p00
	diff -ru pages.orig pages >pages.diff || :
	sed -i 's/\t.*//' pages.diff
	gzip -n -k pages/p0*
	gunzip -f pages/p0*.gz
	find pages -type f -print0 | xargs -0 chmod 600
	find pages -name 'p3*' -exec touch -d @1000000000 {} +
	find pages -newermt @1000000001 -type f | wc -l
	dd if=large/f4 of=large/f5 bs=64k conv=notrunc,fsync status=none
	dd if=large/f6 of=large/f7 bs=128k seek=20 count=8 oflag=direct iflag=direct conv=notrunc status=none
	sha256sum large/* pages/p*
}

work_python()
{
	mkdir python
	cp -a /usr/lib/python3*/email /usr/lib/python3*/json /usr/lib/python3*/asyncio /usr/lib/python3*/xml python/
	find python -name __pycache__ -prune -exec rm -rf {} +
	unset PYTHONDONTWRITEBYTECODE
	$PY -m compileall -q -j2 --invalidation-mode checked-hash python
	find python -name '*.pyc' | wc -l
	find python -name '*.py' -delete
	(cd python && find . -name '__init__*.pyc' | sort)
	PYTHONPATH=python $PY -m zipfile -c python/all.zip python/json python/xml
	PYTHONPATH=python $PY -m zipfile -t python/all.zip
	rm python/all.zip
	rm -rf python/email
}

cd "$2"
"work_$1"
