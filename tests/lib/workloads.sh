# The cases of tests/mount/workloads and workloads-user: the same work (tests/lib/work.sh) in a container and in a plain
# directory of the same contents says the same, leaves the same, and is in a commit. Source after containers.sh.

setup_image()
{
	need_fuse
	[ -n "$AS" ] || need_root
	as_user true
	$PY "$LIB/worktree.py" "$SCRATCH/tree"
	tar -C "$SCRATCH/tree" --sort=name --owner=0 --group=0 -cf "$SCRATCH/tree.tar" .
	imagefs_mounted
	$AS imagefs import "$SCRATCH/tree.tar" work:1
	[ -z "$AS" ] || chown -R 65534:65534 "$SCRATCH/tree"
}

# An ordinary user needs no option: files are the user's, as on a disk. Root's mount has all features of a disk.
imagefs_mounted()
{
	local options=dev,suid
	[ -z "$AS" ] || options=rw
	$AS mkdir -p "$BASE/mnt"
	$AS imagefs mount -o $options "$BASE/mnt"
}

# Directories that were made or changed have other times in both.
same()
{
	$AS $PY "$LIB/treecmp" --mtime-from 99999999999 "$@"
}

# begin NAME: a container and a plain directory, $TREE and $PLAIN.
begin()
{
	TREE=$BASE/mnt/containers/$1
	PLAIN=$BASE/plain
	rm -rf "$PLAIN"
	$AS imagefs create --name "$1" work:1
	$AS cp -a "$SCRATCH/tree" "$PLAIN"
}

# finish NAME: both are the same now, after the daemon was killed, and in a committed image.
finish()
{
	same "$TREE" "$PLAIN"
	kill_daemon
	imagefs_mounted
	$AS imagefs commit --compression none "$1" "done:$1"
	# In images an ordinary user's files are root's; uid= and gid= show them as the user's.
	$AS mkdir -p "$BASE/shown"
	$AS imagefs mount -o "tree=images${AS:+,uid=65534,gid=65534}" "$BASE/shown"
	same "$BASE/shown/done/$1/rootfs" "$PLAIN"
	$AS imagefs umount "$BASE/shown"
	assert_silent ls -A "$BASE/store/imagefs/containers/$1/work"
	$AS imagefs rm "$1"
	$AS imagefs rmi "done:$1" >/dev/null
	rm -rf "$PLAIN"
}

work()
{
	begin "$1"
	$AS bash "$LIB/work.sh" "$1" "$PLAIN" >"$SCRATCH/plain.said"
	$AS bash "$LIB/work.sh" "$1" "$TREE" >"$SCRATCH/box.said"
	diff "$SCRATCH/plain.said" "$SCRATCH/box.said"
	[ -s "$SCRATCH/box.said" ]
	finish "$1"
}

case_git()
{
	need git
	work git
}

case_sqlite() { work sqlite; }

case_npm()
{
	need npm
	$PY "$LIB/npmpackages.py" "$SCRATCH/npm"
	export PACKAGES=$SCRATCH/npm
	work npm
}

case_compile()
{
	need gcc make
	work compile
}

case_archives() { work archives; }

case_copies()
{
	need rsync
	work copies
}

case_removals() { work removals; }
case_edits() { work edits; }
case_python() { work python; }

# stress STRESSOR...: all of them at once, each bounded by STRESS_OPS and STRESS_SECONDS.
stress()
{
	local d s said=$SCRATCH/stress.said args="--mmap-file --mmap-bytes 16m --msync-bytes 16m --hdd-bytes 16m"
	need stress-ng
	for s; do
		args="$args --$s 1 --$s-ops ${STRESS_OPS:-60}"
	done
	$AS mkdir "$PLAIN/stress" "$TREE/stress"
	# On ext4 first: a stressor that fails there says nothing about us.
	for d in "$PLAIN/stress" "$TREE/stress"; do
		$AS stress-ng --temp-path "$d" --verify --timeout "${STRESS_SECONDS:-3}" $args >"$said" 2>&1 || {
			cat "$said"
			fail "stress-ng in $d"
		}
		refute grep -E 'fail:|error:' "$said"
		assert_silent $AS ls -A "$d"
	done
}

# Left out: bind-mount, binderfs, eventfd and procfs, which are about other file systems; io-uring, which fails on ext4 as
# well (it asks for the status of a file that it has removed). For an ordinary user: access and chown, which
# want to be refused what the owner of a container may do there. fanotify is left out: it watches
# every mount of the machine.
STRESS_ROOT=
[ -n "$AS" ] || STRESS_ROOT="access chown"

case_stress_names()
{
	begin names
	stress chattr chdir chmod copy-file dentry dir dirdeep dirmany dnotify filename fstat getdent handle inode-flags inotify \
		link mknod open rename symlink touch utime verity xattr $STRESS_ROOT
	finish names
}

case_stress_data()
{
	begin data
	stress aio aiol dup fallocate fcntl fiemap file-ioctl flock fpunch fsize hdd io iomix ioprio lease locka lockf lockofd \
		readahead revio seek sync-file
	finish data
}

case_stress_maps()
{
	begin maps
	stress fault mmap msync rmap sendfile
	finish maps
}

# verify ENGINE RW BLOCK DIRECT [OPTION...]: fio writes, and reads all of it again; the sums are in the blocks.
verify()
{
	$AS fio --name=job --directory="$TREE/fio" --size="${FIO_SIZE:-8M}" --numjobs=2 --ioengine="$1" --rw="$2" --bs="$3" \
		--direct="$4" --iodepth=8 --verify=crc32c --verify_fatal=1 --do_verify=1 --verify_state_save=0 \
		--randseed="${SEED:-1}" --minimal "${@:5}" >"$SCRATCH/fio.said" 2>&1 || {
		cat "$SCRATCH/fio.said"
		fail "fio $*"
	}
	$AS bash -c 'rm -f "$1"/fio/*' - "$TREE"
}

case_fio()
{
	local direct
	need fio
	begin fio
	$AS mkdir "$TREE/fio" "$PLAIN/fio"
	for direct in 0 1; do
		verify psync write 128k $direct
		verify psync randwrite 4k $direct
		verify libaio randwrite 16k $direct --fsync=32
		verify io_uring randrw 8k $direct
		verify psync randwrite 4k $direct --fallocate=none --fdatasync=64 --overwrite=1
	done
	verify mmap write 64k 0
	verify mmap randwrite 4k 0
	verify pvsync2 randwrite 1k-32k 0 --verify_backlog=100
	finish fio
}
