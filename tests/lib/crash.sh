# The cases of tests/mount/container-crash and container-crash-user in which the daemon is killed with -9 in the middle of
# work (tests/lib/crashwork.py), a kind a round. Source after containers.sh. The kill comes later with a larger LATER, in tenths of a second.

# begin_crashes: an image to work on; its contents are in $SCRATCH/tree and in $ARCHIVE.
begin_crashes()
{
	as_user true
	$PY "$LIB/worktree.py" "$SCRATCH/tree"
	tar -C "$SCRATCH/tree" --sort=name --owner=0 --group=0 -cf "$SCRATCH/tree.tar" .
	[ -z "$AS" ] || chown -R 65534:65534 "$SCRATCH/tree"
	$AS imagefs import "$SCRATCH/tree.tar" work:1
}

round()
{
	local pid log=$SCRATCH/log/$1 box=$BASE/mnt/containers/$1
	mkdir -p "$SCRATCH/log"
	[ -z "$AS" ] || chown 65534:65534 "$SCRATCH/log"
	$AS imagefs create --name "$1" work:1
	$AS env ARCHIVE="$SCRATCH/tree.tar" $PY "$LIB/crashwork.py" "do" "$1" "$box" "$log" &
	pid=$!
	reap $pid
	await [ -s "$log" ]
	sleep "$($PY -c "import random; print(random.random() + ${LATER:-2} / 10)")"
	kill_daemon
	wait $pid
	$AS imagefs mount -o image_owners "$BASE/mnt"
	$AS $PY "$LIB/crashwork.py" check "$1" "$box" "$log" "$SCRATCH/tree"
	assert_silent ls -A "$BASE/store/imagefs/containers/$1/work"
	# What is left can be worked on, and is what a commit holds.
	$AS bash -c 'echo more >"$1/more"; echo more >>"$1/pages/p39"; mv "$1/pages/p38" "$1/old/"; rm "$1/pages/p37"' - "$box"
	$AS imagefs commit --compression none "$1" "crash:$1"
	$AS imagefs verify "crash:$1"
	$AS $PY "$LIB/treecmp" --no-root "$BASE/mnt/images/crash/$1/rootfs" "$box"
	$AS imagefs rm "$1"
	$AS imagefs rmi "crash:$1" >/dev/null
}

while read -r kind; do
	eval "case_kill_$kind() { round $kind; }"
done < <($PY "$LIB/crashwork.py" list)
