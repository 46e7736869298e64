/*
 * Merges the image's config with the options as docker does. Mounts, capabilities and hidden paths
 * are docker's defaults, except those that need a control group of our own.
 */
#include "tools/run/bundle.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "store/oci/manifest.h"
#include "store/oci/platform.h"
#include "tools/run/image_passwd.h"
#include "tools/run/seccomp.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* --- the process --- */

static size_t count(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

static void free_strings(char **v)
{
	size_t i;

	for (i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

static int push(char ***v, const char *s)
{
	size_t n = count(*v);
	char **more = realloc(*v, (n + 2) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	*v = more;
	more[n] = strdup(s);
	if (!more[n])
		return -ENOMEM;
	more[n + 1] = NULL;
	return 0;
}

static int push_list(char ***v, const json_t *list)
{
	const json_t *item;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, item) {
		r = push(v, json_string_value(item));
		if (r < 0)
			break;
	}
	return r;
}

/* As in docker, an entrypoint option also discards the image's command. */
static int make_args(struct bundle *b, const json_t *c, const struct bundle_options *o)
{
	size_t i, n = count(o->command);
	int r = 0;

	if (!o->entrypoint)
		r = push_list(&b->args, json_object_get(c, "Entrypoint"));
	else if (*o->entrypoint)
		r = push(&b->args, o->entrypoint);
	for (i = 0; i < n && r == 0; i++)
		r = push(&b->args, o->command[i]);
	if (r == 0 && n == 0 && !o->entrypoint)
		r = push_list(&b->args, json_object_get(c, "Cmd"));
	return r;
}

/* Index of the variable with the same name; count(v) if there is none. */
static size_t find_variable(char *const *v, const char *s)
{
	size_t len = strcspn(s, "="), i, n = count(v);

	for (i = 0; i < n; i++)
		if (strncmp(v[i], s, len) == 0 && v[i][len] == '=')
			break;
	return i;
}

/* "KEY=VALUE" sets or replaces KEY; "KEY" alone removes it. */
static int set_variable(char ***v, const char *s)
{
	size_t i = find_variable(*v, s), n = count(*v);
	char *copy;

	if (!strchr(s, '=')) {
		if (i < n) {
			free((*v)[i]);
			memmove(*v + i, *v + i + 1, (n - i) * sizeof(**v));
		}
		return 0;
	}
	if (i == n)
		return push(v, s);
	copy = strdup(s);
	if (!copy)
		return -ENOMEM;
	free((*v)[i]);
	(*v)[i] = copy;
	return 0;
}

/* True if an option sets or removes the variable. */
static bool mentions(char *const *env, const char *s)
{
	size_t len = strcspn(s, "="), i;

	for (i = 0; env && env[i]; i++)
		if (strncmp(env[i], s, len) == 0 && (!env[i][len] || env[i][len] == '='))
			return true;
	return false;
}

static int make_env(struct bundle *b, const json_t *c, const struct bundle_options *o)
{
	struct buf host _cleanup_buf_ = BUF_INIT;
	const json_t *item;
	size_t i;
	int r = push(&b->env, "PATH=" PATH_DEFAULT);

	if (r == 0)
		r = buf_printf(&host, "HOSTNAME=%s", o->hostname ? o->hostname : "");
	if (r == 0)
		r = push(&b->env, buf_str(&host));
	if (r == 0 && o->tty)
		r = push(&b->env, "TERM=xterm");
	for (i = 0; o->env && o->env[i] && r == 0; i++)
		r = set_variable(&b->env, o->env[i]);
	json_array_foreach(json_object_get(c, "Env"), i, item) {
		const char *s = json_string_value(item);

		/* Images may contain invalid entries. */
		if (r == 0 && strchr(s, '=') && s[0] != '=' && !mentions(o->env, s))
			r = set_variable(&b->env, s);
	}
	return r;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int make_volumes(struct bundle *b, const json_t *c)
{
	json_t *volumes = json_object_get(c, "Volumes"), *value;
	const char *path;
	int r = 0;

	json_object_foreach(volumes, path, value) {
		(void)value;
		if (r == 0)
			r = push(&b->volumes, path);
	}
	if (b->volumes)
		qsort(b->volumes, count(b->volumes), sizeof(*b->volumes), by_text);
	return r;
}

/* A copy of the option's value, the image's, or the default. */
static char *choose(const char *said, const char *image, const char *otherwise)
{
	return strdup(said ? said : image && *image ? image : otherwise);
}

/*
 * Docker's, without CAP_MKNOD: without control groups, device files would give access to the host's
 * disks. Existing ones do not work either, as the tree is mounted nodev.
 */
static const char *const capabilities[] = {
	"CAP_CHOWN",	   "CAP_DAC_OVERRIDE", "CAP_FSETID",	       "CAP_FOWNER",
	"CAP_SETGID",	   "CAP_NET_RAW",      "CAP_SETUID",	       "CAP_SETFCAP",
	"CAP_KILL",	   "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
	"CAP_AUDIT_WRITE",
};

static int make_seccomp(struct bundle *b, const struct bundle_options *o, struct err *err)
{
	char platform[64];
	struct utsname u;
	struct seccomp_host h = { .caps = capabilities, .n_caps = ARRAY_SIZE(capabilities) };

	if (o->unconfined)
		return 0;
	uname(&u);
	platform_host_name(platform);
	h.kernel = u.release;
	h.arch = strchr(platform, '/') + 1;
	platform[strcspn(platform + strlen("linux/"), "/") + strlen("linux/")] = '\0';
	return seccomp_make(o->seccomp, o->seccomp_name ? o->seccomp_name : "of imagefs", &h,
			    &b->seccomp, err);
}

int bundle_init(struct bundle *b, const json_t *config, const struct bundle_options *o,
		struct err *err)
{
	const json_t *c = json_object_get(config, "config");
	struct buf shown _cleanup_buf_ = BUF_INIT;
	int r;

	memset(b, 0, sizeof(*b));
	b->hostname = o->hostname;
	b->tty = o->tty;
	b->no_new_privs = o->no_new_privs;
	b->workdir = choose(o->workdir, json_str(c, "WorkingDir"), "/");
	b->user = choose(o->user, json_str(c, "User"), "");
	r = b->workdir && b->user ? make_args(b, c, o) : -ENOMEM;
	if (r == 0)
		r = make_env(b, c, o);
	if (r == 0)
		r = make_volumes(b, c);
	if (r < 0)
		return err_nomem(err);
	if (!b->args)
		return err_set(err, EINVAL, "no command specified, and the image has none");
	if (b->workdir[0] != '/') {
		text_escape(&shown, b->workdir);
		return err_set(err, EINVAL,
			       "the working directory '%.300s' is invalid, it needs to be an "
			       "absolute path",
			       buf_str(&shown));
	}
	path_clean(b->workdir);
	return make_seccomp(b, o, err);
}

void bundle_fini(struct bundle *b)
{
	free_strings(b->args);
	free_strings(b->env);
	free_strings(b->volumes);
	free(b->workdir);
	free(b->user);
	json_decref(b->seccomp);
	memset(b, 0, sizeof(*b));
}

/* --- config.json --- */

static const char *const masked[] = {
	"/proc/asound",
	"/proc/acpi",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/sys/firmware",
	"/sys/devices/virtual/powercap",
};

static const char *const readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static json_t *strings(const char *const *v, size_t n)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		if (json_array_append_new(list, json_string(v[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

#define STRINGS(v) strings(v, ARRAY_SIZE(v))

static json_t *numbers(const uint32_t *v, size_t n)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		if (json_array_append_new(list, json_integer(v[i])) < 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *make_process_user(const struct user *u, const struct bundle_place *p)
{
	json_t *j = json_pack("{s:I, s:I}", "uid", (json_int_t)u->uid, "gid", (json_int_t)u->gid);

	if (p->setgroups &&
	    json_object_set_new(j, "additionalGids", numbers(u->groups, u->n_groups)) < 0) {
		json_decref(j);
		return NULL;
	}
	return j;
}

/* As in docker, processes of other users than root get capabilities only from executables. */
static json_t *make_capabilities(const struct user *u)
{
	return json_pack("{s:o, s:o, s:o}", "bounding", STRINGS(capabilities), "permitted",
			 u->uid ? json_array() : STRINGS(capabilities), "effective",
			 u->uid ? json_array() : STRINGS(capabilities));
}

static json_t *make_process(const struct bundle *b, const struct user *u,
			    const struct bundle_place *p)
{
	json_t *env = strings((const char *const *)b->env, count(b->env));
	struct buf home _cleanup_buf_ = BUF_INIT;

	if (env && find_variable(b->env, "HOME=") == count(b->env) &&
	    (buf_printf(&home, "HOME=%s", u->home) < 0 ||
	     json_array_append_new(env, json_string(buf_str(&home))) < 0)) {
		json_decref(env);
		return NULL;
	}
	return json_pack("{s:b, s:o, s:o, s:o, s:s, s:o, s:b}", "terminal", b->tty, "user",
			 make_process_user(u, p), "args",
			 strings((const char *const *)b->args, count(b->args)), "env", env, "cwd",
			 p->workdir, "capabilities", make_capabilities(u), "noNewPrivileges",
			 b->no_new_privs);
}

static int add_mount(json_t *list, const char *target, const char *type, const char *source,
		     const char *const *options, size_t n)
{
	return json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "destination", target,
						     "type", type, "source", source, "options",
						     strings(options, n)));
}

#define ADD_MOUNT(list, target, type, source, ...)                                  \
	add_mount(list, target, type, source, (const char *const[]){ __VA_ARGS__ }, \
		  ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

static int by_depth(const void *a, const void *b)
{
	const struct bundle_bind *x = *(const struct bundle_bind *const *)a,
				 *y = *(const struct bundle_bind *const *)b;
	size_t dx = 0, dy = 0, i;

	for (i = 0; x->target[i]; i++)
		dx += x->target[i] == '/';
	for (i = 0; y->target[i]; i++)
		dy += y->target[i] == '/';
	/* Equal depths keep the order in which they were given: they are in one array. */
	return dx != dy ? (dx < dy ? -1 : 1) : x < y ? -1 : x > y;
}

static int add_bind(json_t *list, const struct bundle_bind *b)
{
	return ADD_MOUNT(list, b->target, "bind", b->source, b->flat ? "bind" : "rbind",
			 b->propagation ? b->propagation : "rprivate", b->ro ? "ro" : "rw");
}

static int add_tmpfs(json_t *list, const struct bundle_bind *b)
{
	const char *mode = b->mode ? b->mode : "mode=1777", *how = b->ro ? "ro" : "rw";

	if (b->size)
		return ADD_MOUNT(list, b->target, "tmpfs", "tmpfs", "nosuid", "nodev", "noexec",
				 how, mode, b->size);
	return ADD_MOUNT(list, b->target, "tmpfs", "tmpfs", "nosuid", "nodev", "noexec", how, mode);
}

/* Nested mounts come after the mount that contains them. */
static int add_binds(json_t *list, const struct bundle_place *p)
{
	_cleanup_free_ const struct bundle_bind **order = calloc(p->n_binds + 1, sizeof(*order));
	size_t i;
	int r = order ? 0 : -1;

	for (i = 0; order && i < p->n_binds; i++)
		order[i] = &p->binds[i];
	if (order)
		qsort(order, p->n_binds, sizeof(*order), by_depth);
	for (i = 0; r == 0 && i < p->n_binds; i++) {
		r = order[i]->source ? add_bind(list, order[i]) : add_tmpfs(list, order[i]);
	}
	return r;
}

static json_t *make_mounts(const struct bundle_place *p)
{
	json_t *list = json_array();
	int r = ADD_MOUNT(list, "/proc", "proc", "proc", "nosuid", "noexec", "nodev");

	r |= ADD_MOUNT(list, "/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755",
		       "size=65536k");
	if (p->tty_group)
		r |= ADD_MOUNT(list, "/dev/pts", "devpts", "devpts", "nosuid", "noexec",
			       "newinstance", "ptmxmode=0666", "mode=0620", "gid=5");
	else
		r |= ADD_MOUNT(list, "/dev/pts", "devpts", "devpts", "nosuid", "noexec",
			       "newinstance", "ptmxmode=0666", "mode=0620");
	/* sysfs belongs to a network namespace; only the host's root may mount the host's. */
	if (p->userns)
		r |= ADD_MOUNT(list, "/sys", "none", "/sys", "rbind", "nosuid", "noexec", "nodev",
			       "ro");
	else
		r |= ADD_MOUNT(list, "/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro");
	r |= ADD_MOUNT(list, "/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev");
	r |= ADD_MOUNT(list, "/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777",
		       "size=65536k");
	r |= add_binds(list, p);
	if (r) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static json_t *make_linux(const struct bundle *b, const struct bundle_place *p)
{
	return json_pack("{s:[{s:s}, {s:s}, {s:s}, {s:s}], s:s*, s:o, s:o, s:O*}", "namespaces",
			 "type", "pid", "type", "ipc", "type", "uts", "type", "mount",
			 "cgroupsPath", p->cgroup, "maskedPaths", STRINGS(masked), "readonlyPaths",
			 STRINGS(readonly), "seccomp", b->seccomp);
}

static int not_utf8(struct err *err, const char *what, const char *text)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	text_escape(&shown, text);
	return err_set(err, EINVAL, "%s \"%.300s\" is not UTF-8, which config.json requires", what,
		       buf_str(&shown));
}

/* Check every text that is written to config.json. */
static int check_texts(const struct bundle *b, const struct user *u, const struct bundle_place *p,
		       struct err *err)
{
	size_t i;

	for (i = 0; b->args[i]; i++)
		if (!text_is_utf8(b->args[i]))
			return not_utf8(err, "argument", b->args[i]);
	for (i = 0; b->env[i]; i++)
		if (!text_is_utf8(b->env[i]))
			return not_utf8(err, "variable", b->env[i]);
	for (i = 0; i < p->n_binds; i++) {
		if (p->binds[i].source && !text_is_utf8(p->binds[i].source))
			return not_utf8(err, "path", p->binds[i].source);
		if (!text_is_utf8(p->binds[i].target))
			return not_utf8(err, "path", p->binds[i].target);
	}
	if (!text_is_utf8(p->workdir))
		return not_utf8(err, "working directory", p->workdir);
	if (!text_is_utf8(u->home))
		return not_utf8(err, "home directory", u->home);
	if (!text_is_utf8(p->rootfs))
		return not_utf8(err, "path", p->rootfs);
	return b->hostname && !text_is_utf8(b->hostname) ? not_utf8(err, "host name", b->hostname)
							 : 0;
}

int bundle_config(const struct bundle *b, const struct user *u, const struct bundle_place *p,
		  struct buf *out, struct err *err)
{
	_cleanup_json_ json_t *root = NULL;
	int r = check_texts(b, u, p, err);

	if (r < 0)
		return r;
	root = json_pack("{s:s, s:{s:s, s:b}, s:s*, s:o, s:o, s:o}", "ociVersion", "1.0.2", "root",
			 "path", p->rootfs, "readonly", 0, "hostname", b->hostname, "process",
			 make_process(b, u, p), "mounts", make_mounts(p), "linux",
			 make_linux(b, p));
	if (!root || json_text(root, out) < 0)
		return err_nomem(err);
	return 0;
}
