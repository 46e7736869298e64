#!/usr/bin/python3
"""Run a command as root of a new user name space of uid 65534, with a mount name space of its own:

    userns.py COMMAND...

Root's 0 there is 65534 outside, and 1 to 65534 are 200001 to 265534, as newuidmap would give them.
Needs to be root to make that map.
"""

import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    made_r, made_w = os.pipe()
    mapped_r, mapped_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
            os.write(made_w, b"-")
            os._exit(77)
        os.write(made_w, b"+")
        os.close(mapped_w)
        if os.read(mapped_r, 1) != b"+":
            os._exit(99)
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        os.execvp(sys.argv[1], sys.argv[1:])
    if os.read(made_r, 1) == b"+":
        for name in ("uid_map", "gid_map"):
            with open("/proc/%d/%s" % (pid, name), "wb", buffering=0) as f:
                f.write(b"0 65534 1\n1 200001 65534\n")
        os.write(mapped_w, b"+")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
