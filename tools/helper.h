/*
 * Programs that a verb starts: where mount.imagefs lies, and running one to its end.
 */
#ifndef TOOLS_HELPER_H
#define TOOLS_HELPER_H

#include <sys/types.h>

struct buf;
struct err;

/* helper_find - append the path of mount.imagefs; -ENOENT. */
int helper_find(struct buf *out, struct err *err);

/*
 * helper_start - start a program with these descriptors as its 0, 1 and 2 (-1: ours). Its signals are as
 * at the start of a session. 0 or -errno.
 */
int helper_start(char *const *argv, const int fds[static 3], pid_t *pid);

/* helper_wait - its exit status, or 128 and a signal's number; -errno. */
int helper_wait(pid_t pid);

/* helper_kill_children - all children of this process, but one (0: none), are killed and gone. */
void helper_kill_children(pid_t but);

/*
 * helper_run - start a program with /dev/null as its input and output, and wait for it.
 * said    what it wrote on stderr (the first 4 KiB), as one line, is appended
 * returns as helper_wait()
 */
int helper_run(char *const *argv, struct buf *said);

/* helper_read - append what comes from fd until its end, up to 4 KiB, as one line. */
void helper_read(int fd, struct buf *out);

#endif
