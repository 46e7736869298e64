#!/usr/bin/python3
"""A Debian repository of packages that use what dpkg can do: debs.py DIR. dpkg-deb makes them.

Twelve packages in two versions: files of other owners and modes, hard and symbolic links, configuration
files, a diversion, an alternative, a trigger, files that move from one package to another, scripts.
"""

import hashlib
import os
import shutil
import subprocess
import sys

COUNT = 12
POSTINST = """#!/bin/sh
set -e
if [ "$1" = configure ]; then
	update-alternatives --install /usr/bin/thing thing /usr/bin/thing-NAME RANK
	install -d -m 2775 -o RANK -g staff /var/lib/NAME
	echo "$1 $2" >>/var/lib/NAME/log
	chown www-data:adm /var/lib/NAME/log
fi
"""
PRERM = """#!/bin/sh
set -e
[ "$1" != remove ] || update-alternatives --remove thing /usr/bin/thing-NAME
"""
PREINST = """#!/bin/sh
set -e
[ NAME != things00 ] || dpkg-divert --package things00 --add --rename --divert /usr/bin/cksum.real /usr/bin/cksum
"""
POSTRM = """#!/bin/sh
set -e
[ "$1" != purge ] || rm -rf /var/lib/NAME
[ NAME != things00 ] || [ "$1" != remove ] || dpkg-divert --package things00 --remove --rename --divert /usr/bin/cksum.real /usr/bin/cksum
"""


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def build(top, i, version):
    name = "things%02d" % i
    d = "%s/tree" % top
    share = "%s/usr/share/%s" % (d, name)
    control = "Package: %s\nVersion: %d\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\n" % (name, version)
    if i:
        control += "Depends: things%02d (>= %d)\n" % (i - 1, version)
    if version == 2 and i % 3 == 1:
        control += "Replaces: things%02d (<< 2)\nBreaks: things%02d (<< 2)\n" % (i - 1, i - 1)
    control += "Description: things\n"
    write(d + "/DEBIAN/control", control)
    for script, text in (("preinst", PREINST), ("postinst", POSTINST), ("prerm", PRERM), ("postrm", POSTRM)):
        write("%s/DEBIAN/%s" % (d, script), text.replace("NAME", name).replace("RANK", str(100 + i)), 0o755)
    write(d + "/DEBIAN/conffiles", "/etc/%s/conf\n/etc/%s/other.conf\n" % (name, name))
    if i == 2:
        write(d + "/DEBIAN/triggers", "interest-noawait /usr/share/things03\n")
    write("%s/etc/%s/conf" % (d, name), "version %d\n" % version)
    write("%s/etc/%s/other.conf" % (d, name), "always\n")
    write("%s/usr/bin/thing-%s" % (d, name), "#!/bin/sh\necho %s %d\n" % (name, version), 0o4755 if i == 4 else 0o755)
    for k in range(40):
        if (k + version) % 9:
            write("%s/%d/file%02d" % (share, k % 5, k), "%d\n" % k * (k * (version + i)))
    os.link(share + "/1/file01", share + "/again")
    os.symlink("1", share + "/link")
    # A file that the next package takes over in the second version.
    if i % 3 == 0 and version == 1 or i % 3 == 1 and version == 2:
        write("%s/usr/share/common%02d" % (d, i // 3), "moves %d\n" % version)
    if i == 0:
        write(d + "/usr/bin/cksum", "#!/bin/sh\necho diverted\n", 0o755)
    if i == 5:
        os.chown(share + "/2", 33, 33)
        os.chmod(share + "/2", 0o3771)
        os.mkfifo(share + "/fifo")
    if version == 1:
        os.makedirs(share + "/old/empty")
    else:
        os.symlink("1", share + "/old")
    deb = "%s/%s_%d.deb" % (top, name, version)
    subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "--build", d, deb], check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, SOURCE_DATE_EPOCH="1600000000"))
    shutil.rmtree(d)
    with open(deb, "rb") as f:
        data = f.read()
    return "%sFilename: ./%s\nSize: %d\nSHA256: %s\n\n" % (control, os.path.basename(deb), len(data),
                                                           hashlib.sha256(data).hexdigest())


def main():
    top = sys.argv[1]
    os.umask(0o022)
    os.makedirs(top)
    with open(top + "/Packages", "w") as f:
        f.writelines([build(top, i, v) for v in (1, 2) for i in range(COUNT)])


main()
