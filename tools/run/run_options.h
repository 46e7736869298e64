/*
 * The options of `imagefs run`: those that it has, and docker's others, each of which says why it
 * is refused.
 */
#ifndef TOOLS_RUN_RUN_OPTIONS_H
#define TOOLS_RUN_RUN_OPTIONS_H

#include "tools/cli/options.h"
#include "tools/run/ensure_options.h"
#include "tools/run/run_args.h"

/* What they set; run_args_fini() frees args. */
struct run_options {
	struct run_args args;
	struct ensure_options ensure;
};

extern const struct option_spec run_options[];

#endif
