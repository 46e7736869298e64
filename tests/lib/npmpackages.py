#!/usr/bin/python3
"""Packages for npm, as tarballs that need each other: npmpackages.py DIR.

Twenty of them, p00 to p19, with a program, a script that runs when they are installed, and a library
below: lib1 in two versions, so that npm must nest one of them, which needs lib0.
"""

import gzip
import io
import json
import os
import sys
import tarfile


def pack(top, name, version, files, **more):
    out = io.BytesIO()
    package = dict({"name": name, "version": version, "main": "index.js", "license": "MIT"}, **more)
    with tarfile.open(fileobj=out, mode="w") as t:
        for path, text in [("package.json", json.dumps(package)), *files]:
            i = tarfile.TarInfo("package/" + path)
            i.size, i.mode, i.mtime = len(text.encode()), 0o755 if path.startswith("bin/") else 0o644, 499162500
            t.addfile(i, io.BytesIO(text.encode()))
    with open("%s/%s-%s.tgz" % (top, name, version), "wb") as f:
        f.write(gzip.compress(out.getvalue(), mtime=0))


def main():
    top = os.path.abspath(sys.argv[1])
    os.makedirs(top)
    rest = [("data/%02d/file%d.js" % (i % 9, i), "module.exports = %d;\n" % i * (1 + i % 20)) for i in range(60)]
    pack(top, "lib0", "1.0.0", [("index.js", "exports.value = () => 1;\n"), *rest])
    for v in "12":
        pack(top, "lib1", v + ".0.0", [("index.js", "exports.value = () => %s00 + require('lib0').value();\n" % v), *rest],
             dependencies={"lib0": "file:%s/lib0-1.0.0.tgz" % top})
    for i in range(20):
        name = "p%02d" % i
        pack(top, name, "1.0.0", [
            ("index.js", "exports.value = () => %d + require('lib1').value() + require('./made.js');\n" % (10000 * i)),
            ("bin/%s.js" % name, "#!/usr/bin/env node\nconsole.log(%d);\n" % i),
            ("make.js", "require('fs').writeFileSync('made.js', 'module.exports = 5;\\n');\n"), *rest],
            bin={name: "bin/%s.js" % name}, scripts={"postinstall": "node make.js"},
            dependencies={"lib1": "file:%s/lib1-%d.0.0.tgz" % (top, 1 + i % 2)})


main()
