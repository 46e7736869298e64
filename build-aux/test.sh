#!/bin/sh
# All tests from nothing: install what is needed, build with warnings as errors, make check,
# the unit tests again under the sanitizers, and the build from a distribution archive.
#
#     test.sh [--no-dist]
#
# SANITIZER_CC=clang: the compiler of the build with sanitizers; clang's see more than gcc's (a null
# pointer with an offset of 0), and take as long.
#
# The last line is "N passed, N failed, N skipped" over all cases; exit status 1 if any failed.
set -u

src=$(cd "$(dirname "$0")/.." && pwd)
work=$src/build/test
failed=0
dist=yes
[ "${1-}" != --no-dist ] || dist=no

say() { printf '\n== %s\n' "$*"; }
# broken WHAT: something that is no test case went wrong; it counts as one that failed.
broken() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}
finish() {
	set -- $(sh "$src/tests/lib/summary" "$work" | tail -n 1)
	passed=${1:-0} bad=${3:-0} skipped=${5:-0}
	say "All cases that failed or were skipped"
	[ -z "${1-}" ] || sh "$src/tests/lib/summary" "$work" | sed '$d'
	echo "$passed passed, $((bad + failed)) failed, $skipped skipped"
	[ $((bad + failed)) -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}

say "Packages"
"$src/build-aux/setup.sh" build test || {
	broken "packages could not be installed"
	finish
}
# Distributions give /dev/fuse to everybody; bare machines often do not.
[ "$(id -u)" != 0 ] || chmod 666 /dev/fuse 2>/dev/null || modprobe fuse 2>/dev/null || :
# And /etc/mtab, which fusermount3 wants to lock, is missing in a bare root file system.
[ "$(id -u)" != 0 ] || [ -e /etc/mtab ] || ln -s /proc/self/mounts /etc/mtab
rm -rf "$work"

say "Build with warnings as errors"
if ! "$src/build-aux/build.sh" "$work/plain" --enable-werror; then
	broken "the build"
	finish
fi

# Tests wait a good part of their time, for the disk and for each other's answers.
jobs=$(($(nproc) + 1))

say "make check"
make -C "$work/plain" -k -j$jobs check </dev/null || :

say "The unit tests under the address and undefined behaviour sanitizers"
if "$src/build-aux/build.sh" "$work/sanitizers" --enable-werror --enable-sanitizers CFLAGS='-O1 -g' \
	${SANITIZER_CC:+CC="$SANITIZER_CC" CFLAGS='-O1 -g -Wno-unused-function'}; then
	make -C "$work/sanitizers" -k -j$jobs check-sanitized </dev/null || :
else
	broken "the build with sanitizers"
fi

if [ "$dist" = yes ]; then
	say "make distcheck, the tests of the sources and the commands alone"
	if (cd "$work/plain" && make -j$jobs distcheck-quick </dev/null >distcheck.log 2>&1); then
		tail -n 5 "$work/plain/distcheck.log"
	else
		tail -n 60 "$work/plain/distcheck.log"
		broken "make distcheck"
	fi
fi

finish
