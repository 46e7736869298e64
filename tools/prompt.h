/*
 * Questions on a terminal.
 */
#ifndef TOOLS_PROMPT_H
#define TOOLS_PROMPT_H

#include <stdbool.h>

#include "base/err.h"

/*
 * prompt_line - print text on stdout and read the answer, one line.
 * hidden  the answer is not shown while it is typed
 * out     heap, without its line end
 * errors  -ENODATA the input ended
 */
int prompt_line(const char *text, bool hidden, char **out, struct err *err) MUST_CHECK;

#endif
