# Real images for the tests, made once a build directory by the tools that people use. Source after lib.sh.
#
#     base_tar        a small Debian's root file system
#     apt_files       the files that apt-get needs to run in it
#     image_buildah   an OCI layout, four layers: packages, changes, removals, an opaque directory
#     image_umoci     an OCI layout, three layers, mtimes in nanoseconds, xattrs, every type of file
#     start_dockerd, dock      a real dockerd of this script's own, and docker talking to it
#     build, pod               buildah and podman on storage of this script's own
#
# The first three print a path and make what is missing below $CACHE.

CACHE=${IMAGEFS_TEST_CACHE:-$top_builddir/tests/cache}
mkdir -p "$CACHE"
# made FILE FUNCTION: run the function with a temporary path that becomes FILE; one process at a
# time. A subshell without errexit, in which the function has a subshell with it.
made()
(
	set +e
	exec 9>"$CACHE/$1.lock"
	flock 9
	if ! [ -e "$CACHE/$1" ]; then
		rm -rf "$CACHE/$1.partial"
		(
			set -e
			"$2" "$CACHE/$1.partial"
		) >"$CACHE/$1.log" 2>&1 9>&-
		if [ $? -ne 0 ] || ! mv "$CACHE/$1.partial" "$CACHE/$1"; then
			cat "$CACHE/$1.log" >&2
			fail "could not make $1"
		fi
	fi
	echo "$CACHE/$1"
)

# Where tools look for leave to take unsigned images; no configuration of the machine is needed.
mkdir -p "$HOME/.config/containers"
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$HOME/.config/containers/policy.json"

build()
{
	buildah --root "$SCRATCH/buildah" --runroot "$SCRATCH/buildah.run" --storage-driver overlay "$@"
}

pod()
{
	podman --root "$SCRATCH/podman" --runroot "$SCRATCH/podman.run" --tmpdir "$SCRATCH/podman.tmp" \
		--storage-driver overlay --cgroup-manager cgroupfs --events-backend none "$@"
}

need_images()
{
	need_root
	need mmdebstrap umoci buildah python3
}

make_base_tar()
{
	mmdebstrap --quiet --variant=essential --include=libcap2-bin \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		bookworm "$1.tar"
	mv "$1.tar" "$1"
}

base_tar() { made base.tar make_base_tar; }

# apt_files: this system's apt-get, what it is linked with and what it starts.
apt_files()
{
	local f
	for f in /usr/bin/apt-get /usr/lib/apt/methods/file /usr/lib/apt/methods/store /usr/lib/apt/methods/copy; do
		[ -e $f ] || continue
		echo $f
		ldd $f | awk '$3 ~ /^\// { print $3 }'
	done | sort -u
}

# The contents of packages, as dpkg unpacks them.
make_packages()
{
	mkdir -p "$1"
	(cd "$1" && apt-get -q download hello tree file libmagic1 libmagic-mgc)
}

packages() { made packages make_packages; }

# What the second layer of both images adds.
change_add()
{
	local deb
	for deb in "$(packages)"/*.deb; do
		dpkg-deb -x "$deb" "$1"
	done
	mkdir -p "$1/srv/data/deep/er" "$1/srv/mode"
	echo one >"$1/srv/data/one"
	ln "$1/srv/data/one" "$1/srv/data/two"
	ln "$1/srv/data/one" "$1/srv/data/deep/three"
	ln -s one "$1/srv/data/symlink"
	ln -s /nowhere/at/all "$1/srv/data/dangling"
	head -c 3000000 /dev/urandom >"$1/srv/data/random"
	seq 300000 >"$1/srv/data/numbers"
	: >"$1/srv/data/empty"
	touch "$1/srv/data/$(printf 'n%.0s' $(seq 255))"
	touch "$1/srv/data/latin-$(printf '\351')" "$1/srv/data/with space" "$1/srv/data/utf8-é"
	cp "$1/bin/true" "$1/srv/data/capable"
	setcap cap_net_raw+ep "$1/srv/data/capable"
	chmod 4755 "$1/srv/data/empty"
	install -d -m 1777 "$1/srv/mode/sticky"
	install -d -m 2750 -o 33 -g 50 "$1/srv/mode/sgid"
	install -m 0000 -o 1234 -g 5678 /dev/null "$1/srv/mode/none"
	mknod -m 620 "$1/srv/mode/char" c 4 64
	mknod -m 660 "$1/srv/mode/block" b 8 3
	mkfifo -m 600 "$1/srv/mode/fifo"
	touch -d '1999-12-31 23:59:59' "$1/srv/data/deep/er"
	touch -h -d '2001-02-03 04:05:06' "$1/srv/data/symlink"
}

# And what the third one removes and replaces.
change_replace()
{
	rm -rf "$1/usr/share/doc/tree" "$1/usr/bin/hello" "$1/srv/data/two"
	echo replaced >"$1/srv/data/numbers"
	rm "$1/srv/data/empty"
	mkdir "$1/srv/data/empty"
	echo inside >"$1/srv/data/empty/now-a-directory"
	rm -rf "$1/usr/share/doc/file"
	ln -s hello "$1/usr/share/doc/file"
	chmod 0700 "$1/srv/mode/sticky"
	chown 7:8 "$1/srv/data/random"
	touch "$1/usr/share/doc/hello"
}

# The fourth makes a directory opaque: on overlayfs, one that was removed and made again.
change_opaque()
{
	rm -rf "$1/srv/data/deep" "$1/usr/share/perl5"
	mkdir -m 0711 "$1/srv/data/deep"
	echo new >"$1/srv/data/deep/new"
	mkdir "$1/usr/share/perl5"
}

make_image_buildah()
{
	local ctr mnt step n=0
	ctr=$(build from scratch)
	build add -q "$ctr" "$(base_tar)" /
	build config --cmd /bin/bash --env A=b --label origin=buildah "$ctr"
	build commit -q "$ctr" step:0
	for step in add replace opaque; do
		ctr=$(build from "localhost/step:$n")
		mnt=$(build mount "$ctr")
		"change_$step" "$mnt"
		build umount "$ctr"
		n=$((n + 1))
		build commit -q "$ctr" "step:$n"
	done
	build push -q "localhost/step:$n" "oci:$1:1"
	build rm -a
	build rmi -a -f
}

# image_buildah: prints the layout's path; the image in it is :1.
image_buildah() { made oci-buildah make_image_buildah; }

# pull_buildah pod|build: that image in the storage of podman or buildah; prints its ID. By way of an archive: a
# directory's path would have to be a valid name.
pull_buildah()
{
	skopeo copy -q "oci:$(image_buildah):1" "oci-archive:$SCRATCH/pull.tar:localhost/pulled:1"
	"$1" pull -q "oci-archive:$SCRATCH/pull.tar"
	rm "$SCRATCH/pull.tar"
}

make_image_umoci()
{
	local step
	umoci init --layout "$1"
	umoci new --image "$1:1"
	rm -rf "$1.bundle"
	umoci unpack --image "$1:1" "$1.bundle"
	tar -C "$1.bundle/rootfs" -xpf "$(base_tar)" --xattrs --xattrs-include='*'
	umoci repack --refresh-bundle --image "$1:1" "$1.bundle"
	change_add "$1.bundle/rootfs"
	setfattr -n user.test -v 0x00ff0a "$1.bundle/rootfs/srv/data/random"
	setfattr -n trusted.test -v yes "$1.bundle/rootfs/srv/mode/sgid"
	touch -d '2020-02-20 20:20:20.123456789' "$1.bundle/rootfs/srv/data/numbers"
	touch -d '1965-01-01 00:00:00' "$1.bundle/rootfs/srv/data/random"
	truncate -s 10M "$1.bundle/rootfs/srv/data/sparse"
	umoci repack --refresh-bundle --image "$1:1" "$1.bundle"
	change_replace "$1.bundle/rootfs"
	umoci repack --refresh-bundle --image "$1:1" "$1.bundle"
	rm -rf "$1.bundle"
}

# image_umoci: prints the layout's path; the image in it is :1.
image_umoci() { made oci-umoci make_image_umoci; }

# unpacked LAYOUT: the tree that umoci makes of image LAYOUT:1, made once.
unpacked()
{
	local name
	name=$(basename "$1").unpacked
	UNPACK=$1 made "$name" make_unpacked >/dev/null
	echo "$CACHE/$name/rootfs"
}

make_unpacked() { umoci unpack --image "$UNPACK:1" "$1"; }

# same_tree [OPTION]... A B: equal in everything, the root's mtime in the umoci bundle apart.
same_tree() { $PYTHON "$LIB/treecmp" "$@"; }

# digests ARCHIVE|LAYOUT: the layer digests of the first image of an OCI layout, or of one in a tar.
layer_digests()
{
	$PYTHON - "$1" <<'PYTHON'
import json, os, sys, tarfile

def reader(path):
    if os.path.isdir(path):
        return lambda name: open(os.path.join(path, name), "rb").read()
    tar = tarfile.open(path)
    members = {os.path.normpath(m.name): m for m in tar.getmembers()}
    return lambda name: tar.extractfile(members[name]).read()

read = reader(sys.argv[1])
blob = lambda d: read("blobs/" + d.replace(":", "/"))
index = json.loads(read("index.json"))
for layer in json.loads(blob(index["manifests"][0]["digest"]))["layers"]:
    print(layer["digest"])
PYTHON
}

# --- docker ---------------------------------------------------------------------

start_dockerd()
{
	local i
	need_root
	need dockerd docker
	mkdir -p "$SCRATCH/docker"
	dockerd --bridge=none --iptables=false --ip6tables=false --data-root "$SCRATCH/docker/root" \
		--exec-root "$SCRATCH/docker/exec" -H "unix://$SCRATCH/docker/sock" \
		-p "$SCRATCH/docker/pid" --storage-driver overlay2 >"$SCRATCH/docker/log" 2>&1 &
	reap $!
	DOCKERD=$!
	await docker_answers
}

docker_answers()
{
	dock version && return
	kill -0 "$DOCKERD" || fail "dockerd did not start: $(tail -20 "$SCRATCH/docker/log")"
	return 1
}

# Debian's own client, of the age of its dockerd, where another one stands before it in PATH.
DOCKER=/usr/bin/docker
[ -x $DOCKER ] || DOCKER=docker
dock() { "$DOCKER" -H "unix://$SCRATCH/docker/sock" "$@"; }
