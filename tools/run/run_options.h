/*
 * The options of `imagefs run`: those that it has, and docker's others, each of which says why it is refused.
 */
#ifndef TOOLS_RUN_RUN_OPTIONS_H
#define TOOLS_RUN_RUN_OPTIONS_H

#include <getopt.h>

struct err;
struct ensure_options;
struct run_args;

/* What verb_getopt() takes: letters and words. */
extern const char run_options_shorts[];
const struct option *run_options_longs(void);

/*
 * run_options_take - one option that verb_getopt() returned. arg is borrowed.
 * errors  what is wrong with it, or why there is no such thing here
 */
int run_options_take(struct run_args *a, struct ensure_options *ensure, int opt, char *arg,
		     struct err *err);

#endif
