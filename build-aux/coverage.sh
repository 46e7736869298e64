#!/bin/sh
# Build imagefs with coverage counters, run tests and report which lines they executed.
#
#     coverage.sh DIRECTORY [MAKE ARGUMENT]...
#
# The arguments select the tests: the default is check-sanitized, all tests that need no other
# tool; "check TESTS=tests/unit/test_toml" runs one.
set -eu

src=$(cd "$(dirname "$0")/.." && pwd)
command -v gcovr >/dev/null || {
	echo "coverage.sh: gcovr is not installed: apt-get install gcovr" >&2
	exit 1
}
[ $# -gt 0 ] || {
	echo "usage: coverage.sh DIRECTORY [MAKE ARGUMENT]..." >&2
	exit 2
}
mkdir -p "$1"
dir=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- check-sanitized
sh "$src/build-aux/build.sh" "$dir" CFLAGS='-O0 -g --coverage'
find "$dir" -name '*.gcda' -delete
status=0
make -C "$dir" "$@" || status=$?
gcovr --root "$src" --exclude '.*tests/.*' --print-summary --txt "$dir/coverage.txt" \
	--html-details "$dir/coverage.html" "$dir"
echo "report: $dir/coverage.txt, $dir/coverage.html"
exit $status
