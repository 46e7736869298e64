/*
 * Programs that a verb starts: where mount.imagefs lies, and running one to its end.
 */
#ifndef TOOLS_RUN_DAEMON_H
#define TOOLS_RUN_DAEMON_H

#include <sys/types.h>

struct buf;
struct err;

/* daemon_path - append the path of mount.imagefs; -ENOENT. */
int daemon_path(struct buf *out, struct err *err);

/*
 * program_start - start a program with these descriptors as its 0, 1 and 2 (-1: ours). Its signals are as
 * at the start of a session. 0 or -errno.
 */
int program_start(char *const *argv, const int fds[static 3], pid_t *pid);

/* program_wait - its exit status, or 128 and a signal's number; -errno. */
int program_wait(pid_t pid);

/* program_kill_children - all children of this process, but one (0: none), are killed and gone. */
void program_kill_children(pid_t but);

/*
 * program_run - start a program with /dev/null as its input and output, and wait for it.
 * said    what it wrote on stderr (the first 4 KiB), as one line, is appended
 * returns as program_wait()
 */
int program_run(char *const *argv, struct buf *said);

/* program_read - append what comes from fd until its end, up to 4 KiB, as one line. */
void program_read(int fd, struct buf *out);

#endif
