/*
 * Dockerfile instructions applied to an image's config: what --change of
 * commit and import takes.
 */
#ifndef STORE_CHANGES_H
#define STORE_CHANGES_H

#include <stddef.h>

struct err;
struct json_t;

/*
 * changes_apply - to config, the "config" member of an image config, in order.
 * CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR
 * errors  -EINVAL in docker's words; config may be changed in part then
 */
int changes_apply(struct json_t *config, const char *const *instructions, size_t n,
		  struct err *err);

#endif
