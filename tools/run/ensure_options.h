/*
 * How to find the image of a container: options shared by create and run.
 */
#ifndef TOOLS_RUN_ENSURE_OPTIONS_H
#define TOOLS_RUN_ENSURE_OPTIONS_H

#include <stdbool.h>

struct ensure_options {
	const char *pull;     /* "missing", "always", "never"; NULL: missing */
	const char *platform; /* NULL: any in the store, or the host's */
	bool plain_http, quiet;
};

#endif
