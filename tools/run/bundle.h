/*
 * config.json of an OCI bundle, made from an image's config and the user's options by docker's
 * rules.
 * spec    OCI runtime-spec config.md, config-linux.md; image-spec conversion.md
 */
#ifndef TOOLS_RUN_BUNDLE_H
#define TOOLS_RUN_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf;
struct json_t;
struct user;

/* A bind mount or tmpfs in the container. */
struct bundle_bind {
	const char *source; /* absolute; NULL: a tmpfs */
	const char *target; /* absolute, in the container, without links */
	bool ro;
	bool flat;		 /* without submounts of the source */
	const char *propagation; /* "rslave" and the like; NULL: rprivate */
	const char *size,
		*mode; /* of a tmpfs: "size=1m", "mode=0700"; NULL: default size, mode 1777 */
};

/* The user's options; all pointers are borrowed. */
struct bundle_options {
	char *const *command;	/* arguments after the image; NULL-terminated, may be empty */
	const char *entrypoint; /* NULL: the image's; "": none */
	char *const *env;	/* "KEY=VALUE"; "KEY": unset it; NULL-terminated; may be NULL */
	const char *workdir, *user, *hostname;
	bool tty;
	bool no_new_privs;
	bool unconfined;	      /* every system call is allowed */
	const struct json_t *seccomp; /* a profile; NULL: the default one */
	const char *seccomp_name;     /* for messages about it */
};

/* The process to run: image config and options merged. */
struct bundle {
	char **args, **env; /* NULL-terminated */
	char *workdir, *user;
	char **volumes; /* the image's, sorted by path */
	const char *hostname;
	bool tty, no_new_privs;
	struct json_t *seccomp; /* in the runtime's form; NULL: none */
};

/*
 * bundle_init - merge config, the image's, with the options.
 * errors  -EINVAL no command, invalid variable, relative working directory, or invalid profile
 */
int bundle_init(struct bundle *b, const struct json_t *config, const struct bundle_options *o,
		struct err *err) MUST_CHECK;
void bundle_fini(struct bundle *b);

/* The environment in which the container runs. */
struct bundle_place {
	const char *rootfs;
	const char *workdir; /* symbolic links resolved */
	const char *cgroup;  /* name of its control group; NULL: none */
	/*
	 * In an ordinary user's namespace: /sys is the host's, and options that need unmapped IDs
	 * are omitted.
	 */
	bool userns;
	bool tty_group; /* group 5 (tty) is mapped */
	bool setgroups; /* setgroups(2) is allowed */
	const struct bundle_bind *binds;
	size_t n_binds;
};

/*
 * bundle_config - append the text of config.json.
 * errors  -EINVAL a text is not UTF-8, which JSON requires
 */
int bundle_config(const struct bundle *b, const struct user *u, const struct bundle_place *p,
		  struct buf *out, struct err *err) MUST_CHECK;

#endif
