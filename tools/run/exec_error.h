/*
 * Why the kernel does not execute a program, in words: what execve(2) says is that something is not there, or
 * that its format is wrong.
 */
#ifndef TOOLS_RUN_EXEC_ERROR_H
#define TOOLS_RUN_EXEC_ERROR_H

#include "base/err.h"

/*
 * exec_error_explain - look at a command's program as the kernel would.
 * rootfd  the root of its tree, whose links lead nowhere else
 * cwd     where the command begins; env: its variables, of which PATH counts
 * returns the exit status that a shell has for it, 126 or 127, with *err set; 0: nothing is wrong with it
 */
int exec_error_explain(int rootfd, const char *cwd, char *const *env, const char *name,
		       struct err *err) MUST_CHECK;

#endif
