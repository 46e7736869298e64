# The cases of tests/mount/container-fsx and container-fsx-user: tests/fsx on files of a container. Source after
# containers.sh. SEED and COUNT can be given.

SEED=${SEED:-1}
COUNT=${COUNT:-3000}

setup_container()
{
	[ -x "$top_builddir/tests/fsx/fsx" ] || fail "make check has not built tests/fsx/fsx"
	if [ -n "$AS" ]; then
		begin_container box
		as_user cp "$top_builddir/tests/fsx/fsx" "$BASE/bin/"
	else
		begin_container box -o allow_other,default_permissions,dev,suid
		ln -s "$top_builddir/tests/fsx/fsx" "$SCRATCH/fsx"
	fi
	$AS mkdir "$BASE/plain"
}

fsx() { $AS env PATH="$BASE:$BASE/bin:$PATH" fsx -n "$COUNT" -s "$@"; }

# A run that must fail, so that the others mean something.
case_a_difference_is_found()
{
	refute fsx "$SEED" -b $((COUNT / 2)) "$BASE/plain/spoilt" 2>"$SCRATCH/said"
	tail -n 1 "$SCRATCH/said"
	tail -n 1 "$SCRATCH/said" | grep -E 'operation [0-9]+: .* the model has [0-9]+ bytes'
}

# The same in both, and both have the same of fallocate(2).
alike()
{
	fsx "$@" "$BASE/plain/$NAME" >"$SCRATCH/plain.done"
	fsx "$@" "$TREE/$NAME" >"$SCRATCH/box.done"
	diff "$SCRATCH/plain.done" "$SCRATCH/box.done"
	refute grep -v 'not had: 0$' "$SCRATCH/box.done"
}

case_new_file()
{
	container_paths box
	NAME=new alike "$SEED"
	$AS bash -c 'cmp "$1"/new* "$2"/new*' - "$BASE/plain" "$TREE"
}

case_direct()
{
	container_paths box
	NAME=direct alike $((SEED + 1)) -d
}

case_unlinked()
{
	container_paths box
	NAME=unlinked alike $((SEED + 2)) -d -u
	$AS ls "$TREE" | refute grep unlinked
}

# What was open and mapped before the copy-up sees what is written after it.
from_below()
{
	local i
	container_paths box
	for i in 1 2 3; do
		$AS imagefs create --name "$1$i" small:1
		fsx $((SEED + i)) -d "${@:3}" -i "$ROOTFS/$2" -f "$BASE/mnt/containers/$1$i/dir/a" \
			"$BASE/mnt/containers/$1$i/$2"
		$AS imagefs rm "$1$i"
	done
}

case_from_below() { from_below large big -l 4194304; }
case_from_below_small() { from_below small dir2/x; }
case_from_below_unlinked() { from_below gone big -u -l 4194304; }

case_some_at_once()
{
	local i pids=
	container_paths box
	for i in 1 2 3 4; do
		fsx $((SEED + i)) -d "$TREE/at-once-$i" &
		pids="$pids $!"
	done
	for i in $pids; do
		wait "$i"
	done
}
