/*
 * An OCI bundle's config.json: what a runtime shall do, made of an image's config and of what the
 * user wants otherwise, by docker's rules.
 * spec    OCI runtime-spec config.md, config-linux.md; image-spec conversion.md
 */
#ifndef STORE_BUNDLE_H
#define STORE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct json_t;
struct user;

/* Something of the host at a place in the container. */
struct bundle_bind {
	const char *source; /* absolute */
	const char *target; /* absolute, in the container, without links */
	bool ro;
	const char *propagation; /* "rslave" and the like; NULL: rprivate */
};

/* What the user said; everything is borrowed. */
struct bundle_options {
	char *const *command;	/* what stands behind the image; NULL-terminated, may be empty */
	const char *entrypoint; /* NULL: the image's; "": none */
	char *const *env;	/* "KEY=VALUE"; "KEY": unset it; NULL-terminated; may be NULL */
	const char *workdir, *user, *hostname;
	bool tty;
};

/* What shall run: the image's config and the options as one. */
struct bundle {
	char **args, **env; /* NULL-terminated */
	char *workdir, *user;
	char **volumes; /* the image's, in the order of their paths */
	const char *hostname;
	bool tty;
};

/*
 * bundle_init - config: the image's.
 * errors  -EINVAL: no command, an invalid variable, a working directory that is not absolute
 */
int bundle_init(struct bundle *b, const struct json_t *config, const struct bundle_options *o,
		struct err *err);
void bundle_fini(struct bundle *b);

/* Where it shall run. */
struct bundle_place {
	const char *rootfs;
	const char *workdir; /* without links */
	const char *cgroup;  /* a name for the runtime's control group; NULL: it has none to give */
	/*
	 * Within a user name space of an ordinary user: /sys is the host's, and what its id map has no
	 * number for is not asked for.
	 */
	bool userns;
	bool tty_group; /* group 5, to which terminals belong, has a number */
	bool setgroups; /* supplementary groups may be set */
	const struct bundle_bind *binds;
	size_t n_binds;
};

/*
 * bundle_config - append config.json.
 * errors  -EINVAL: something is not UTF-8, which JSON cannot say
 */
int bundle_config(const struct bundle *b, const struct user *u, const struct bundle_place *p,
		  struct buf *out, struct err *err);

#endif
