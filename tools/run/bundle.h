/*
 * An OCI bundle's config.json: what a runtime shall do, made of an image's config and of what the
 * user wants otherwise, by docker's rules.
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

/* Something of the host, or a tmpfs, at a place in the container. */
struct bundle_bind {
	const char *source; /* absolute; NULL: a tmpfs */
	const char *target; /* absolute, in the container, without links */
	bool ro;
	bool flat;		 /* without what is mounted below the source */
	const char *propagation; /* "rslave" and the like; NULL: rprivate */
	const char *size, *mode; /* of a tmpfs: "size=1m", "mode=0700"; NULL: the system's, 1777 */
};

/* What the user said; everything is borrowed. */
struct bundle_options {
	char *const *command;	/* what stands behind the image; NULL-terminated, may be empty */
	const char *entrypoint; /* NULL: the image's; "": none */
	char *const *env;	/* "KEY=VALUE"; "KEY": unset it; NULL-terminated; may be NULL */
	const char *workdir, *user, *hostname;
	bool tty;
	bool no_new_privs;
	bool unconfined;	      /* every system call is allowed */
	const struct json_t *seccomp; /* a profile; NULL: the default one */
	const char *seccomp_name;     /* for messages about it */
};

/* What shall run: the image's config and the options as one. */
struct bundle {
	char **args, **env; /* NULL-terminated */
	char *workdir, *user;
	char **volumes; /* the image's, in the order of their paths */
	const char *hostname;
	bool tty, no_new_privs;
	struct json_t *seccomp; /* as a runtime takes it; NULL: none */
};

/*
 * bundle_init - config: the image's.
 * errors  -EINVAL: no command, an invalid variable, a working directory that is not absolute, a profile
 *         that is none
 */
int bundle_init(struct bundle *b, const struct json_t *config, const struct bundle_options *o,
		struct err *err) MUST_CHECK;
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
		  struct buf *out, struct err *err) MUST_CHECK;

#endif
