/*
 * How the image of a container is looked for: the options that create and run share.
 */
#ifndef TOOLS_RUN_ENSURE_OPTIONS_H
#define TOOLS_RUN_ENSURE_OPTIONS_H

#include <stdbool.h>

struct ensure_options {
	const char *pull;     /* "missing", "always", "never"; NULL: missing */
	const char *platform; /* NULL: any that is there, else this host's */
	bool plain_http, quiet;
};

#endif
