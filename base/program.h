/*
 * Programs: finding one in $PATH, starting it, waiting for it.
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <sys/types.h>

struct buf;

/*
 * program_find - the path of an executable program in $PATH, to be given to posix_spawn(3).
 * Only absolute elements of $PATH count. Without a PATH the system's default holds.
 * name    without a slash
 * returns heap; NULL: not found, or no memory
 */
char *program_find(const char *name);

/*
 * program_start - start a program with these descriptors as its 0, 1 and 2 (-1: keep ours). Its signal
 * mask and handlers are those of a new session. 0 or -errno.
 */
int program_start(char *const *argv, const int fds[static 3], pid_t *pid);

/* program_wait - its exit status, or 128 plus the number of the signal that ended it; -errno. */
int program_wait(pid_t pid);

/*
 * program_run - start a program with /dev/null as its input and output, and wait for it.
 * said    its stderr, at most 4 KiB of it, is appended as one line
 * returns as program_wait()
 */
int program_run(char *const *argv, struct buf *said);

/* program_read - append what fd yields until its end, at most 4 KiB, as one line. */
void program_read(int fd, struct buf *out);

/* program_kill_children - kill all children of this process except one (0: no exception) and wait for their end. */
void program_kill_children(pid_t but);

#endif
