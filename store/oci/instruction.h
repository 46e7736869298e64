/*
 * Application of Dockerfile instructions to an image config, for --change of commit and import.
 */
#ifndef STORE_OCI_INSTRUCTION_H
#define STORE_OCI_INSTRUCTION_H

#include <stddef.h>

#include "base/err.h"

struct json_t;

/*
 * instructions_apply - apply CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD,
 * STOPSIGNAL, USER, VOLUME and WORKDIR to config, the "config" member of an image config.
 *
 * As in docker, the instructions form one Dockerfile: each string may contain several
 * instructions, comments and continuation lines. Variables are expanded from config's Env at that
 * instruction.
 * errors  -EINVAL with docker's messages; config may be partly changed
 */
int instructions_apply(struct json_t *config, const char *const *instructions, size_t n,
		       struct err *err) MUST_CHECK;

/*
 * instructions_inherit - like docker's commit, take the user, the command (if there is no
 * entrypoint) and the parts of a health check from base if they are empty in config. 0 or
 * -ENOMEM.
 * base    the config of the image that was changed
 */
int instructions_inherit(struct json_t *config, const struct json_t *base,
			 struct err *err) MUST_CHECK;

#endif
