#!/bin/sh
# Install the Debian packages that imagefs needs; through sudo where the user is not root.
#
#     setup.sh [build] [sample] [session] [test] [coverage]
#
# build: compilers and libraries; sample: what makes a sample image; session: what the session in
# README.md uses; test: the programs that the tests compare imagefs with; coverage: what `make coverage`
# needs. Installed packages are not upgraded.
set -eu

build="gcc make autoconf automake pkg-config libc6-dev libfuse3-dev fuse3 libarchive-dev
	libjansson-dev libcurl4-openssl-dev libssl-dev zlib1g-dev libzstd-dev libsubid-dev
	libcmocka-dev"
sample="mmdebstrap ca-certificates xz-utils"
session="$sample crun docker-registry docker.io man-db"
test="$session acl attr buildah bzip2 clang-format curl erofs-utils file fio fish
	fuse-overlayfs fuseiso git groff-base iproute2 kmod libcap2-bin mandoc netavark openssh-client openssl podman procps
	python3 rsync shellcheck skopeo squashfs-tools squashfuse strace stress-ng time systemd-container uidmap umoci util-linux xfsprogs
	xorriso xz-utils zsh zstd"
coverage="gcovr"

wanted=
[ $# -gt 0 ] || set -- build
for set in "$@"; do
	case $set in
	build) wanted="$wanted $build" ;;
	sample) wanted="$wanted $sample" ;;
	session) wanted="$wanted $session" ;;
	test) wanted="$wanted $test" ;;
	coverage) wanted="$wanted $coverage" ;;
	*)
		echo "setup.sh: no such set of packages: $set" >&2
		exit 2
		;;
	esac
done

missing=
for package in $wanted; do
	case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :) in
	installed) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "setup.sh: needs root, or sudo, to install:$missing" >&2
		exit 1
	fi
}

echo "installing:$missing" >&2
# A package source that cannot be reached matters only if a package is then missing.
as_root apt-get -o Acquire::Retries=3 -q update >&2 ||
	echo "setup.sh: some package lists could not be fetched" >&2
as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold -q -y \
	install --no-install-recommends $missing >&2 </dev/null
