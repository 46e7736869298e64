#!/bin/sh
# Build imagefs in a directory of its own.
#
#     build.sh DIRECTORY [CONFIGURE OPTION]...
#
# What it prints goes to DIRECTORY/build.log; its end is shown when it fails.
set -eu

src=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
cd "$1"
shift

quietly() {
	"$@" >>build.log 2>&1 || {
		tail -n 40 build.log >&2
		echo "build.sh: failed: $* (all of it is in $PWD/build.log)" >&2
		exit 1
	}
}

: >build.log
[ -x "$src/configure" ] && [ -z "$(find "$src/configure.ac" "$src/Makefile.am" "$src"/*/local.mk \
	-newer "$src/configure")" ] || (cd "$src" && autoreconf -i) >>build.log 2>&1 || {
	tail -n 40 build.log >&2
	exit 1
}
# Automake builds nothing outside of a tree that was configured in place: a copy of its files is built then.
if [ -e "$src/config.status" ]; then
	quietly make -C "$src" distdir distdir="$PWD/source"
	src=$PWD/source
fi
quietly "$src/configure" "$@"
quietly make -j"$(nproc)"
