# What every shell test starts with:
#
#     #!/bin/bash
#     # One sentence: what is checked.
#     . "${top_srcdir:-$(dirname "$0")/../..}/tests/lib/lib.sh"
#     case_something() { ...; }
#     run_cases "$@"
#
# Each function case_NAME is one test case, run in a subshell with set -e and
# pipefail: it fails at the first command that fails, and also where one fails in
# $(...) or <(...), whatever becomes of its output. Only `|| :`, `if` and the like
# forgive. `skip REASON` skips the case. Cases run in the order they are written;
# arguments of the script name those to run. A case that other cases build on ends
# the script when it fails: name it setup_NAME.
#
#     $SCRATCH     an empty directory of this script, removed at its end
#     $STORE       a store of this script ($IMAGEFS_STORE); fresh_store gives a case its own
#     imagefs, mount.imagefs   those from the build tree
#
# Nothing that was mounted below $SCRATCH and no process that was given to
# `reap PID` outlives the script.

set -u
umask 022
export LC_ALL=C.UTF-8 TZ=UTC
unset SOURCE_DATE_EPOCH XDG_DATA_HOME
# A test that runs make is none of the make that runs it.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
shopt -s nullglob

top_srcdir=$(cd "${top_srcdir:-$(dirname "${BASH_SOURCE[0]}")/../..}" && pwd)
top_builddir=$(cd "${top_builddir:-.}" && pwd)
export top_srcdir top_builddir
export PATH="$top_builddir:$PATH:/usr/sbin:/sbin"
LIB=$top_srcdir/tests/lib
# The system's own, which an ordinary user may run too.
PYTHON=/usr/bin/python3
[ -x $PYTHON ] || PYTHON=$(command -v python3)
export PYTHONDONTWRITEBYTECODE=1
TEST_NAME=$(basename "$0")
# The script itself: a file that is surely there, wherever a case stands.
SELF=$(realpath "$0")

SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/imagefs-test.XXXXXX") || exit 99
chmod 755 "$SCRATCH"
export HOME=$SCRATCH/home
mkdir "$HOME"
STORE=$SCRATCH/store
export IMAGEFS_STORE=$STORE
: >"$SCRATCH/.pids"
: >"$SCRATCH/.failures"

# --- ending ---------------------------------------------------------------

# reap PID: that process is stopped when the script ends.
reap() { echo "$1" >>"$SCRATCH/.pids"; }

# unmount_below DIR: whatever is mounted there, the last mount first.
unmount_below()
{
	local m
	awk -v d="$1/" '{ p = $5 "/"; if (index(p, d) == 1) print $5 }' /proc/self/mountinfo |
		tac | while read -r m; do
		m=$(printf '%b' "$m")
		umount -i "$m" 2>/dev/null || fusermount3 -u "$m" 2>/dev/null ||
			umount -i -l "$m" 2>/dev/null || fusermount3 -u -z "$m" 2>/dev/null || :
	done
}

cleanup()
{
	local status=$? pid i
	trap - EXIT
	[ -n "${PLANNED-}" ] || say "$(cat "$SCRATCH/.failures")"
	cd /
	unmount_below "$SCRATCH"
	while read -r pid; do
		kill "$pid" 2>/dev/null || continue
		for i in $(seq 100); do
			kill -0 "$pid" 2>/dev/null || continue 2
			sleep 0.05
		done
		kill -9 "$pid" 2>/dev/null
	done <"$SCRATCH/.pids"
	unmount_below "$SCRATCH"
	if [ -n "${KEEP_SCRATCH-}" ]; then
		echo "# kept $SCRATCH"
	else
		chmod -R u+rwx "$SCRATCH" 2>/dev/null
		rm -rf --one-file-system "$SCRATCH"
	fi
	[ -n "${PLANNED-}" ] || echo "Bail out! $TEST_NAME ended early with status $status"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# --- cases ----------------------------------------------------------------

say() { printf '%s\n' "$*" | sed 's/^/# /'; }

# fail WHY: this case fails, also from within $(...), where exit ends only the substitution.
fail()
{
	printf '%s\n' "$*" >>"$SCRATCH/.failures"
	exit 1
}

# failed STATUS COMMAND: what the ERR trap does. Without set -e it does nothing.
failed()
{
	local i where=
	[[ $- == *e* ]] || return 0
	for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
		case ${FUNCNAME[i]} in run_cases | main | source) continue ;; esac
		where+="${BASH_SOURCE[i]##*/}:${BASH_LINENO[i - 1]}: "
	done
	echo "${where}exit status $1: $2" >>"$SCRATCH/.failures"
}

# skip REASON: this case is skipped.
skip()
{
	printf '%s\n' "$*" >"$SCRATCH/.skip"
	exit 77
}

# skip_all REASON: the whole script is skipped, as one case.
skip_all()
{
	PLANNED=1
	echo "1..1"
	echo "ok 1 # SKIP $*"
	exit 0
}

# run_cases [NAME...]: run the functions case_* and setup_* of the script.
run_cases()
{
	local n=0 failed=0 f rc names start
	shopt -s extdebug
	names=$(declare -F | awk '$3 ~ /^(case|setup)_/ { print $3 }' |
		while read -r f; do declare -F "$f"; done | sort -s -n -k2 | awk '{ print $1 }')
	shopt -u extdebug
	for f in $names; do
		if [ $# -gt 0 ] && [[ $f == case_* ]] && [[ " $* " != *" ${f#case_} "* ]]; then
			continue
		fi
		n=$((n + 1))
		start=$SECONDS
		: >"$SCRATCH/.skip"
		: >"$SCRATCH/.failures"
		cd "$SCRATCH" || exit 99
		(
			trap - EXIT
			set -eE -o pipefail
			shopt -s inherit_errexit
			trap 'failed $? "$BASH_COMMAND"' ERR
			"$f"
		) </dev/null >"$SCRATCH/.out" 2>&1
		rc=$?
		if [ $rc -eq 77 ]; then
			echo "ok $n - ${f#*_} # SKIP $(head -1 "$SCRATCH/.skip")"
			continue
		fi
		[ $rc -ne 0 ] || ! [ -s "$SCRATCH/.failures" ] || rc=1
		if [ $rc -eq 0 ]; then
			echo "ok $n - ${f#*_}"
		else
			failed=$((failed + 1))
			echo "not ok $n - ${f#*_}"
			{ tail -n 200 "$SCRATCH/.out"; cat "$SCRATCH/.failures"; } | sed 's/^#* */#     /'
		fi
		[ $((SECONDS - start)) -lt 10 ] || echo "# ${f#*_}: $((SECONDS - start)) s"
		if [ $rc -ne 0 ] && [[ $f == setup_* ]]; then
			echo "# the rest needs ${f#setup_}"
			break
		fi
	done
	echo "1..$n"
	PLANNED=1
	[ $failed -eq 0 ]
	exit
}

# --- what a test may need ---------------------------------------------------

need_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }

# need PROGRAM...: skip the case where one is missing.
need()
{
	local p
	for p; do
		command -v "$p" >/dev/null || skip "$p is not installed"
	done
}

# need_fuse: skip only where /dev/fuse is really missing; make it usable as distributions do.
need_fuse()
{
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	if [ "$(id -u)" = 0 ]; then
		chmod 666 /dev/fuse
	elif ! [ -w /dev/fuse ]; then
		skip "/dev/fuse is closed to this user"
	fi
}

# as_user COMMAND...: as an ordinary user with a home of its own ($SCRATCH/user); itself where we are one.
as_user()
{
	if [ "$(id -u)" != 0 ]; then
		"$@"
		return
	fi
	if ! [ -d "$SCRATCH/user/bin" ]; then
		mkdir -p "$SCRATCH/user/bin"
		cp "$top_builddir"/imagefs "$SCRATCH/user/bin/"
		[ ! -e "$top_builddir/mount.imagefs" ] ||
			cp "$top_builddir/mount.imagefs" "$SCRATCH/user/bin/"
		chown -R 65534:65534 "$SCRATCH/user"
	fi
	(cd "$SCRATCH/user" && env HOME="$SCRATCH/user" IMAGEFS_STORE="$SCRATCH/user/store" \
		PATH="$SCRATCH/user/bin:$PATH" \
		setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@")
}

# --- assertions -------------------------------------------------------------

assert_eq()
{
	[ "$1" = "$2" ] || fail "${3:-assert_eq}: got '$1', expected '$2'"
}

# assert_match TEXT PATTERN: an extended regular expression.
assert_match()
{
	grep -Eq -- "$2" <<<"$1" || fail "${3:-assert_match}: '$1' does not match '$2'"
}

# assert_silent COMMAND...: it succeeds and prints nothing.
assert_silent()
{
	local out
	out=$("$@")
	[ -z "$out" ] || fail "printed by $*: '$out'"
}

# refute COMMAND...: the command fails. set -e does not see a negated one (`! command`).
# A command that was not run, and a grep that could not read, prove nothing: those fail, too.
refute()
{
	local rc=0
	"$@" || rc=$?
	case $rc,${1##*/} in
	0,*) echo "refute: succeeded: $*" ;;
	126,* | 127,*) echo "refute: not run: $*" ;;
	1,grep) return 0 ;;
	*,grep) echo "refute: grep failed with $rc: $*" ;;
	*) return 0 ;;
	esac >>"$SCRATCH/.failures"
	return 1
}

# await [SECONDS] COMMAND...: it succeeds at last; the case fails after SECONDS (60), more than a busy machine needs.
# What the command prints is of no interest. A negation: await [ ! -e FILE ], await exited PID.
await()
{
	local seconds=60 end
	if [[ $1 != *[!0-9]* ]]; then
		seconds=$1
		shift
	fi
	end=$((SECONDS + seconds))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "not within $seconds s: $*"
		sleep 0.05
	done
}

# exited PID: that process has ended; a zombie has.
exited()
{
	[ ! -e "/proc/$1" ] || grep -qs '^State:.*Z' "/proc/$1/status"
}

# traced TRACER PROCESS: strace, process TRACER, has come to that process, or thread PROCESS/task/THREAD. Skips where it may not.
traced()
{
	grep "^TracerPid:.$1\$" "/proc/$2/status" && return
	kill -0 "$1" || skip "strace may not trace here"
	return 1
}

# assert_fails PATTERN COMMAND...: exit status 1, nothing on stdout, and one line
# on stderr that matches.
assert_fails()
{
	local pattern=$1 rc=0
	shift
	"$@" >"$SCRATCH/stdout" 2>"$SCRATCH/stderr" || rc=$?
	cat "$SCRATCH/stderr" >&2
	[ "$rc" -eq 1 ] || fail "exit status $rc, not 1: $*"
	[ "$(wc -l <"$SCRATCH/stderr")" -eq 1 ] || fail "not one line on stderr: $*"
	! [ -s "$SCRATCH/stdout" ] || fail "something on stdout: $*"
	grep -Eq -- "$pattern" "$SCRATCH/stderr" || fail "the message does not match '$pattern': $*"
}

# assert_usage COMMAND...: exit status 2 and something on stderr.
assert_usage()
{
	local rc=0
	"$@" >"$SCRATCH/stdout" 2>"$SCRATCH/stderr" || rc=$?
	[ "$rc" -eq 2 ] || fail "exit status $rc, not 2: $*"
	[ -s "$SCRATCH/stderr" ] || fail "nothing on stderr: $*"
}

# store_snapshot [STORE]: a digest of all that a failed command must leave alone.
store_snapshot()
{
	local out=$SCRATCH/snapshot.$BASHPID
	(
		cd "${1:-$IMAGEFS_STORE}" || exit 0
		cat index.json oci-layout
		find blobs imagefs/layers imagefs/containers -printf '%p %s %T@ %m\n' 2>/dev/null | sort
		find imagefs/tmp -mindepth 1 | sed 's/^/LEFT BEHIND: /'
	) >"$out" 2>/dev/null
	sed -n '/^LEFT BEHIND/p' "$out" >&2
	sha256sum <"$out"
}

# store_unchanged PATTERN COMMAND...: assert_fails, and the store is as it was before.
store_unchanged()
{
	local before
	before=$(store_snapshot)
	assert_fails "$@"
	assert_eq "$(store_snapshot)" "$before" "the store changed: ${*:2}"
	store_tidy
}

# store_tidy [STORE]: nothing is left in imagefs/tmp.
store_tidy()
{
	local left
	left=$(find "${1:-$IMAGEFS_STORE}/imagefs/tmp" -mindepth 1)
	[ -z "$left" ] || fail "left in imagefs/tmp: $left"
}

# fresh_store: an empty store for this case alone.
fresh_store()
{
	STORE=$(mktemp -d "$SCRATCH/store.XXXXXX")
	export IMAGEFS_STORE=$STORE
}

# mount_store DIR [OPTION...]: mount the case's store; gone at the end of the script at the latest.
mount_store()
{
	need_fuse
	mkdir -p "$1"
	imagefs mount "${@:2}" "$1"
}

# image_field NAME KEY...: a value of `imagefs inspect`, as JSON where it is no string.
image_field()
{
	imagefs inspect "$1" | $PYTHON -c 'import json, sys
value = json.load(sys.stdin)[0]
for key in sys.argv[1:]:
    value = value[key]
print(value if isinstance(value, str) else json.dumps(value, separators=(",", ":")))' "${@:2}"
}

# foreign_entries: the store gets what other tools put into a layout: an artifact, an index multi:1 for
# this host and another, an index other:1 without this host, and an image that is only "latest".
foreign_entries()
{
	imagefs images >/dev/null # makes the store
	$PYTHON - "$IMAGEFS_STORE" <<'EOF'
import gzip, hashlib, io, json, os, sys, tarfile
store, OCI = sys.argv[1], "application/vnd.oci.image."
def put(data, media):
    h = hashlib.sha256(data).hexdigest()
    open(f"{store}/blobs/sha256/{h}", "wb").write(data)
    return {"mediaType": media, "digest": "sha256:" + h, "size": len(data)}
def text(kind, **members):
    media = OCI + kind + ".v1+json"
    return put(json.dumps(dict(schemaVersion=2, mediaType=media, **members)).encode(), media)
def image(name):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as t:
        t.addfile(tarfile.TarInfo(name))
    raw = raw.getvalue()
    config = {"architecture": arch, "os": "linux", "config": {}, "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(raw).hexdigest()]}}
    return text("manifest", config=put(json.dumps(config).encode(), OCI + "config.v1+json"),
                layers=[put(gzip.compress(raw, mtime=0), OCI + "layer.v1.tar+gzip")])
def entry(descriptor, name):
    return dict(descriptor, annotations={"org.opencontainers.image.ref.name": name})
arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
here = {"platform": {"os": "linux", "architecture": arch}}
there = {"platform": {"os": "plan9", "architecture": "mips"}}
artifact = text("manifest", config=put(b"{}", "application/vnd.oci.empty.v1+json"),
                layers=[put(b"a signature", "application/x.signature")])
other = dict(image("other"), **there)
j = json.load(open(store + "/index.json"))
j["annotations"] = {"foreign": "yes"}
j["manifests"] += [
    entry(artifact, "latest"),
    entry(text("index", manifests=[dict(image("multi"), **here), other]), "docker.io/library/multi:1"),
    entry(text("index", manifests=[other]), "docker.io/library/other:1"),
    entry(image("late"), "latest"),
]
json.dump(j, open(store + "/index.json", "w"))
EOF
	imagefs images >/dev/null # makes the indexes
}
