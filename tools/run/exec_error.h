/*
 * Explains why the kernel does not execute a program. execve(2) only reports that something is
 * missing or has a wrong format.
 */
#ifndef TOOLS_RUN_EXEC_ERROR_H
#define TOOLS_RUN_EXEC_ERROR_H

#include "base/err.h"

/*
 * exec_error_explain - inspect a command's program as the kernel does.
 * rootfd  root of the container's tree; symbolic links are resolved within it
 * cwd     working directory of the command; env: its variables, of which PATH is used
 * returns the shell's exit status, 126 or 127, with *err set; 0 if nothing is wrong
 */
int exec_error_explain(int rootfd, const char *cwd, char *const *env, const char *name,
		       struct err *err) MUST_CHECK;

#endif
