/*
 * Dockerfile instructions applied to an image's config: what --change of
 * commit and import takes.
 */
#ifndef STORE_OCI_INSTRUCTION_H
#define STORE_OCI_INSTRUCTION_H

#include <stddef.h>

struct err;
struct json_t;

/*
 * instructions_apply - to config, the "config" member of an image config.
 * CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR
 *
 * As in docker, all of them are the lines of one Dockerfile: each may hold several instructions, comments
 * and lines that go on. Variables are those of config's Env as it is when the instruction comes.
 * errors  -EINVAL in docker's words; config may be changed in part then
 */
int instructions_apply(struct json_t *config, const char *const *instructions, size_t n,
		       struct err *err);

/*
 * instructions_inherit - what a commit does afterwards, as docker does: a user, a command (where there is no entrypoint)
 * or a part of a health check that is empty now is taken from base, the config it began with.
 */
int instructions_inherit(struct json_t *config, const struct json_t *base, struct err *err);

#endif
