/*
 * The time of a reproducible image: --timestamp and SOURCE_DATE_EPOCH.
 */
#ifndef TOOLS_EPOCH_H
#define TOOLS_EPOCH_H

#include <stdint.h>

#include "base/err.h"

/* epoch_parse - seconds since 1970, or RFC 3339; -EINVAL */
int epoch_parse(const char *s, int64_t *out, struct err *err) MUST_CHECK;

/* epoch_env - set *out from SOURCE_DATE_EPOCH if it is set; -EINVAL */
int epoch_env(int64_t *out, struct err *err) MUST_CHECK;

#endif
