#!/bin/sh
# Make a sample image from Debian packages: a docker-archive as `docker save` writes it,
# two layers, without docker.
#
#     sample-image.sh FILE [NAME:TAG] [PACKAGE]...
#
# The first layer is a small Debian with the packages, the second a file or two on top.
set -eu

case ${1-} in
'' | -*)
	sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
out=$1
name=${2:-debian-sample:12}
[ $# -lt 2 ] || shift
shift
packages=$(echo "$*" | tr ' ' ,)

tmp=$(mktemp -d "${TMPDIR:-/tmp}/imagefs-sample.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

mkdir "$tmp/image" "$tmp/base" "$tmp/top"
mmdebstrap --quiet --variant=essential ${packages:+--include="$packages"} \
	--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
	bookworm "$tmp/base/layer.tar" >&2

mkdir -p "$tmp/top/root/etc" "$tmp/top/root/srv"
echo "Welcome to a sample image, made of Debian packages." >"$tmp/top/root/etc/motd"
date -u +%Y-%m-%dT%H:%M:%SZ >"$tmp/top/root/srv/made"
tar -C "$tmp/top/root" --owner=0 --group=0 --numeric-owner --sort=name -cf "$tmp/top/layer.tar" etc srv
rm -rf "$tmp/top/root"

sum() { sha256sum "$1" | cut -d' ' -f1; }

layers= diff_ids=
for layer in base top; do
	digest=$(sum "$tmp/$layer/layer.tar")
	mkdir "$tmp/image/$digest"
	mv "$tmp/$layer/layer.tar" "$tmp/image/$digest/layer.tar"
	layers="$layers${layers:+,}\"$digest/layer.tar\""
	diff_ids="$diff_ids${diff_ids:+,}\"sha256:$digest\""
done
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
printf '%s' "{\"architecture\":\"$(dpkg --print-architecture)\",\"config\":{\"Env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"],\"Cmd\":[\"/bin/bash\"]},\"created\":\"$now\",\"history\":[{\"created\":\"$now\",\"created_by\":\"mmdebstrap bookworm\"},{\"created\":\"$now\",\"created_by\":\"COPY motd /etc/motd\"}],\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[$diff_ids]}}" >"$tmp/config"
config=$(sum "$tmp/config").json
mv "$tmp/config" "$tmp/image/$config"
printf '%s' "[{\"Config\":\"$config\",\"RepoTags\":[\"$name\"],\"Layers\":[$layers]}]" >"$tmp/image/manifest.json"
tar -C "$tmp/image" --owner=0 --group=0 --numeric-owner --sort=name -cf "$out.partial" .
mv "$out.partial" "$out"
