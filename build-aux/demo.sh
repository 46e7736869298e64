#!/bin/sh
# The main job from nothing: install what is needed, build, load a real image, mount it, browse
# it, change a copy, commit, and save what came out.
#
#     demo.sh [ARCHIVE]
#
# ARCHIVE is what `docker save`, `podman save` or skopeo wrote; without one, a sample image is
# made from Debian packages. The program is built in the folder build of the sources; the demo's
# store and mount are temporary. The saved image is left as demo-image.tar in the current directory.
set -eu

src=$(cd "$(dirname "$0")/.." && pwd)
archive=${1-}
out=$PWD/demo-image.tar
case $archive in
-h | --help)
	sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
	exit 0
	;;
-*)
	echo "demo.sh: option $archive is not known; try demo.sh --help" >&2
	exit 2
	;;
'' | /*) ;;
*) archive=$PWD/$archive ;;
esac
[ $# -le 1 ] || {
	echo "demo.sh: one archive at most; try demo.sh --help" >&2
	exit 2
}
[ -z "$archive" ] || [ -e "$archive" ] || {
	echo "demo.sh: no such file: $archive" >&2
	exit 1
}

say() { printf '\n== %s\n' "$*"; }
# show COMMAND...: as it would be typed, then what it does.
show() {
	printf '$'
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9_./:@%+=,-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	echo
	"$@"
}

# alive WHAT COMMAND...: a dot every second while the command, which prints nothing, runs.
alive() {
	printf '%s ' "$1"
	shift
	"$@" &
	while kill -0 $! 2>/dev/null; do
		sleep 1
		printf .
	done
	wait $! || {
		echo ' failed'
		return 1
	}
	echo ' done'
}

say "Packages (only those that are missing) and build"
"$src/build-aux/setup.sh" build $([ -n "$archive" ] || echo sample)
alive "building in $src/build" "$src/build-aux/build.sh" "$src/build"
PATH=$src/build:$PATH

if [ ! -w /dev/fuse ]; then
	echo "demo.sh: /dev/fuse is missing or closed to this user: modprobe fuse, or run as root" >&2
	exit 1
fi

tmp=$(mktemp -d "${TMPDIR:-/tmp}/imagefs-demo.XXXXXX")
mnt=$tmp/mnt
export IMAGEFS_STORE="$tmp/store"
finish() {
	status=$?
	trap - EXIT
	imagefs umount "$mnt" 2>/dev/null || :
	chmod -R u+rwx "$tmp" 2>/dev/null || :
	rm -rf "$tmp"
	exit $status
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

if [ -z "$archive" ]; then
	say "A sample image, made of Debian packages"
	archive=$tmp/sample.tar
	alive "fetching packages" "$src/build-aux/sample-image.sh" "$archive" debian-sample:12
	ls -l "$archive"
fi

say "Load and mount: nothing is unpacked"
show imagefs load -i "$archive"
show imagefs images
image=$(imagefs images | awk 'NR == 2 { print $1 ":" $2 }')
case $image in
*'<none>'*) image=$(imagefs images -q | head -n 1) path=@$image ;;
*) path=${image%:*}/${image##*:} ;;
esac
show imagefs mount "$mnt"

say "Browse"
show ls "$mnt/images/$path"
show ls -l "$mnt/images/$path/rootfs"
show ls "$mnt/images/$path/layers"
[ ! -e "$mnt/images/$path/rootfs/etc/os-release" ] ||
	show head -n 2 "$mnt/images/$path/rootfs/etc/os-release"
show du -sh "$IMAGEFS_STORE"

say "Change a copy: a container is a writable directory"
show imagefs create --name demo "$image"
show cp "$0" "$mnt/containers/demo/copied-by-demo.sh"
rm=$(find "$mnt/containers/demo/usr/share/doc" -maxdepth 2 -name copyright 2>/dev/null | head -n 1)
[ -z "$rm" ] || show rm "$rm"
show imagefs ps

say "Commit: what changed becomes a layer"
show imagefs commit -m "a file copied" demo demo-image:1
show imagefs images
show ls "$mnt/images/demo-image/1/layers"
show cmp "$0" "$mnt/images/demo-image/1/rootfs/copied-by-demo.sh"

say "Save: docker load, podman load, skopeo and umoci take it"
show imagefs save -o "$out" demo-image:1
show ls -l "$out"
show imagefs rm demo
show imagefs umount "$mnt"

own=${XDG_DATA_HOME:-${HOME-~}/.local/share}/imagefs
[ "$(id -u)" != 0 ] || own=/var/lib/imagefs

say "Done"
cat <<END
the program   $src/build/imagefs (to install it: make -C '$src/build' install)
the image     $out

Next, with a store of your own ($own):

    export PATH='$src/build':"\$PATH"
    imagefs load -i '$out'
    mkdir m && imagefs mount m
    ls m/images/demo-image/1/rootfs
    imagefs run --rm demo-image:1 cat /etc/os-release     # wants crun or runc
    imagefs umount m

README.md has a longer session, $src/build/imagefs --help all verbs, man -l '$src/build/man/imagefs.1' the manual.
END
