#!/usr/bin/env python3
"""Run the session of a document in one shell, and compare what is printed with what the document says.

    session.py DOCUMENT HEADING [RCFILE]

The session is what stands indented by four spaces below that heading: a line `$ COMMAND`, then what it
prints on stdout and stderr. Where both have an identifier, an age or a large size, its value does not
count, nor does the width of a column. What a document leaves out it cannot: every line is compared.
Prints a TAP result for each command; exit status 1 when one differs.
"""
import re
import subprocess
import sys

NEUTRAL = [
    (r"\b[0-9a-f]{64}\b", "<digest>"),
    (r"\b[0-9a-f]{12}\b", "<id>"),
    (r"\b(Less than a second|About an? (minute|hour)|\d+ (second|minute|hour|day|week|month)s?) ago\b", "<age>"),
    (r"\b\d+(\.\d+)?MB\b", "<size>"),
    (r"[ \t]+", " "),
    (r" +$", ""),
]
END = "end of command"


def neutral(line):
    for pattern, to in NEUTRAL:
        line = re.sub(pattern, to, line)
    return line


def session(document, heading):
    """[(command, [lines printed])] of the part below the heading."""
    steps, inside, empty = [], False, []
    for line in open(document, encoding="utf-8"):
        line = line.rstrip("\n")
        if line.startswith("## "):
            inside = line == "## " + heading
        elif inside and line.startswith("    $ "):
            steps.append((line[6:], []))
        elif inside and line.startswith("    "):
            steps[-1][1].extend(empty + [line[4:]])
        # An empty line is printed where more of it follows.
        empty = empty + [""] if inside and not line else []
    return steps


def main():
    document, heading, rcfile = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "/dev/null"
    steps = session(document, heading)
    if not steps:
        sys.exit("no session below '## %s' of %s" % (heading, document))
    shell = subprocess.Popen(["bash", "--noprofile", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="surrogateescape")

    def run(command):
        shell.stdin.write("{ %s\n} </dev/null; echo '%s' $?\n" % (command, END))
        shell.stdin.flush()
        lines = []
        for line in shell.stdout:
            line = line.rstrip("\n")
            if line.startswith(END):
                return lines, int(line.split()[-1])
            lines.append(line)
        sys.exit("the shell ended at: " + command)

    run(". " + rcfile)
    failed = 0
    for number, (command, said) in enumerate(steps, 1):
        printed, status = run(command)
        good = status == 0 and list(map(neutral, printed)) == list(map(neutral, said))
        failed += not good
        print("%sok %d - %s" % ("" if good else "not ", number, command), flush=True)
        if not good:
            print("# exit status %d; it prints:" % status)
            print("\n".join("#     " + line for line in printed))
            print("# where the document has:")
            print("\n".join("#     " + line for line in said), flush=True)
    shell.stdin.close()
    sys.exit(failed > 0)


main()
