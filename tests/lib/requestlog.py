"""requestlog - a line for each request, of servers that answer in many threads.

print() writes the end of a line apart from the line, so that another thread's line comes between; here a line is
one write. A line noted before the answer is sent can be read once the answer has arrived."""
import sys


def note(line, file=None):
    file = file or sys.stdout
    file.write(line + "\n")
    file.flush()
