/* Finding a program in $PATH, running it and waiting for it. */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <sys/types.h>

#include "base/err.h"

struct buf;

/*
 * program_find - the path of an executable in $PATH, for posix_spawn(3). Relative and empty
 * elements of $PATH are ignored. Without $PATH, the system's default path is searched.
 * name    without a slash
 * returns heap; NULL: not found, or out of memory
 */
char *program_find(const char *name);

/*
 * program_start - start a program with the signal mask and handlers reset. 0 or -errno.
 * fds     its descriptors 0, 1 and 2; -1: inherit
 * pid     the child; program_wait() reaps it
 */
int program_start(char *const *argv, const int fds[static 3], pid_t *pid) MUST_CHECK;

/* program_wait - the exit status, or 128 plus the signal number; -errno. */
int program_wait(pid_t pid) MUST_CHECK;

/*
 * program_run - run a program with /dev/null as stdin and stdout, and wait for it.
 * said    at most 4 KiB of its stderr is appended as one line
 * returns as program_wait()
 */
int program_run(char *const *argv, struct buf *said) MUST_CHECK;

/* program_read - read fd until EOF and append at most 4 KiB as one line. */
void program_read(int fd, struct buf *out);

/* program_kill_children - kill all child processes except but (0: all) and reap them. */
void program_kill_children(pid_t but);

#endif
