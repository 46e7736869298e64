# Containers on a small image, for root and for an ordinary user. Source after lib.sh.
#
#     begin_container NAME [OPTION...]   load the image, create the container, mount; sets TREE, its directory,
#                                        ROOTFS, the image's, and UPPER, its upper directory
#     $AS                                what a command is run with: nothing, or as_user where WHO=user

PY=${PYTHON:-/usr/bin/python3}
[ "${WHO-root}" = user ] && AS=as_user || AS=
BASE=$SCRATCH
[ "${WHO-root}" = user ] && BASE=$SCRATCH/user

begin_container()
{
	need_fuse
	[ "${WHO-root}" = user ] || need_root
	mkdir -p "$SCRATCH/user"
	$PY "$LIB/smallimage.py" "$SCRATCH/small.tar"
	$AS imagefs load -q -i "$SCRATCH/small.tar"
	$AS imagefs create --name "$1" small:1
	$AS mkdir -p "$BASE/mnt"
	$AS imagefs mount "${@:2}" "$BASE/mnt"
	TREE=$BASE/mnt/containers/$1
	ROOTFS=$BASE/mnt/images/small/1/rootfs
	UPPER=$BASE/store/imagefs/containers/$1/upper
}

# call_cases: prints, to be evaluated, a case for each function of the files of system calls
# (tests/lib/calls*.py), on the container box; on one line, which says to run_cases where they stand.
call_cases()
{
	local file name
	for file in "$LIB"/calls*.py; do
		while read -r name; do
			printf "case_%s() { container_paths box; \$AS \$PY '%s' \"\$TREE\" %s; }; " \
				"$name" "$file" "$name"
		done < <($PY "$file" list "${WHO-root}")
	done
}

# container_paths NAME: the same variables in a later case.
container_paths()
{
	TREE=$BASE/mnt/containers/$1
	ROOTFS=$BASE/mnt/images/small/1/rootfs
	UPPER=$BASE/store/imagefs/containers/$1/upper
}

# kill_daemon: with -9, in the middle of whatever it does.
kill_daemon()
{
	local pid
	for pid in "$BASE"/store/imagefs/mounts/*; do
		pid=$(basename "$pid")
		[[ $pid == *[!0-9]* ]] || kill -9 "$pid"
	done
	sleep 0.2
}
