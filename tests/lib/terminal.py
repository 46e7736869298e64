#!/usr/bin/python3
"""Run a command on a pseudo terminal of 97 columns and 31 lines, and type:

    terminal.py [EXPECT TEXT]... -- COMMAND...

After each EXPECT, a regular expression that is looked for behind the one before, TEXT is typed (with
\\n, \\x03 and the like). All that came is printed; the exit status is the command's, 99 where an EXPECT
did not come within 30 seconds.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time


def main():
    args = sys.argv[1:]
    split = args.index("--")
    steps = [(args[i].encode(), args[i + 1].encode().decode("unicode_escape").encode("latin-1"))
             for i in range(0, split, 2)]
    pid, fd = pty.fork()
    if pid == 0:
        # The size must be there before the command looks.
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 97, 0, 0))
        os.execvp(args[split + 1], args[split + 1:])
    seen, at, end, late = b"", 0, time.monotonic() + 30, False
    while not late:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""
            if not data:
                break
            seen += data
        while steps:
            m = re.search(steps[0][0], seen[at:])
            if not m:
                break
            at += m.end()
            os.write(fd, steps.pop(0)[1])
            end = time.monotonic() + 30
        late = time.monotonic() > end
    if late:
        os.kill(pid, signal.SIGTERM)
    os.close(fd)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.stdout.buffer.write(seen.replace(b"\r", b""))
    if late or steps:
        print("\nterminal.py: this did not come: %r" % (steps[0][0] if steps else b"the end"))
        sys.exit(99)
    sys.exit(status if status >= 0 else 128 - status)


main()
