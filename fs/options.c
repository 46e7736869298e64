/* Mount options: those of imagefs and those of mount(8); others are refused. */
#include "fs/options.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"

#define CACHE_DEFAULT ((size_t)128 << 20)

/* Options of mount(8) and fstab that are accepted and have no effect, or are the default. */
static const char *const accepted[] = {
	"rw",	    "auto",	  "noauto",	 "user",       "nouser",   "users",
	"owner",    "group",	  "async",	 "sync",       "atime",	   "noatime",
	"relatime", "norelatime", "strictatime", "nofail",     "defaults", "_netdev",
	"exec",	    "nosuid",	  "nodev",	 "nodiratime", "lazytime", "noallow_other",
};

void options_init(struct mount_options *o)
{
	memset(o, 0, sizeof(*o));
	/* As with kernel overlayfs: root's mount admits all users, and owners and modes decide. */
	o->fs.allow_other = geteuid() == 0;
	o->fs.cache_size = CACHE_DEFAULT;
}

static bool is_accepted(const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(accepted); i++)
		if (strcmp(word, accepted[i]) == 0)
			return true;
	return strncmp(word, "x-", 2) == 0 || strncmp(word, "user=", 5) == 0 ||
	       strncmp(word, "comment=", 8) == 0;
}

/* A number of bytes; K, M and G are powers of 1024. */
static int parse_size(const char *value, size_t *out)
{
	_cleanup_free_ char *digits = strdup(value);
	uint64_t n, unit = 1;
	size_t len;

	if (!digits)
		return -ENOMEM;
	len = strlen(digits);
	if (len > 0 && strchr("KkMmGg", digits[len - 1])) {
		static const char units[] = "kmg";
		const char *u = strchr(units, digits[len - 1] | 0x20);

		unit <<= 10 * (u - units + 1);
		digits[len - 1] = '\0';
	}
	if (text_parse_u64(digits, (SIZE_MAX / 2) / unit, &n) < 0)
		return -EINVAL;
	*out = (size_t)(n * unit);
	return 0;
}

static int parse_tree(const char *value, enum mount_tree *out)
{
	if (strcmp(value, "images") == 0)
		*out = TREE_IMAGES;
	else if (strcmp(value, "containers") == 0)
		*out = TREE_CONTAINERS;
	else
		return -EINVAL;
	return 0;
}

static int parse_id(const char *value, bool *set, uint32_t *out)
{
	uint64_t n;

	/* 2^32 - 1 means "no change" to the system. */
	if (text_parse_u64(value, UINT32_MAX - 1, &n) < 0)
		return -EINVAL;
	*set = true;
	*out = (uint32_t)n;
	return 0;
}

static int parse_value(struct mount_options *o, const char *name, const char *value)
{
	if (strcmp(name, "uid") == 0)
		return parse_id(value, &o->fs.set_uid, &o->fs.uid);
	if (strcmp(name, "gid") == 0)
		return parse_id(value, &o->fs.set_gid, &o->fs.gid);
	if (strcmp(name, "cache_size") == 0)
		return parse_size(value, &o->fs.cache_size);
	if (strcmp(name, "aside") == 0) {
		o->aside = value;
		return *value == '/' ? 0 : -EINVAL;
	}
	if (strcmp(name, "tree") == 0)
		return parse_tree(value, &o->tree);
	return -ENOENT;
}

static int parse_word(struct mount_options *o, const char *word)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = { { "allow_other", &o->fs.allow_other },
		      { "default_permissions", &o->fs.default_permissions },
		      { "image_owners", &o->fs.image_owners },
		      { "ro", &o->fs.ro },
		      { "dev", &o->fs.dev },
		      { "suid", &o->fs.suid },
		      { "noexec", &o->fs.noexec },
		      { "debug", &o->fs.debug } };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		if (strcmp(word, flags[i].name) == 0) {
			*flags[i].flag = true;
			return 0;
		}
	}
	/* The last one wins, as with mount(8). */
	if (strcmp(word, "rw") == 0)
		o->fs.ro = false;
	else if (strcmp(word, "noallow_other") == 0)
		o->fs.allow_other = false;
	else if (strcmp(word, "exec") == 0)
		o->fs.noexec = false;
	else if (strcmp(word, "nodev") == 0)
		o->fs.dev = false;
	else if (strcmp(word, "nosuid") == 0)
		o->fs.suid = false;
	return is_accepted(word) ? 0 : -ENOENT;
}

int options_parse(struct mount_options *o, char *text, struct err *err)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;
	char *word, *value, *save = NULL;
	int r;

	for (word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		value = is_accepted(word) ? NULL : strchr(word, '=');
		if (value)
			*value++ = '\0';
		r = value ? parse_value(o, word, value) : parse_word(o, word);
		if (r == -ENOMEM)
			return err_nomem(err);
		if (r == 0)
			continue;
		if (text_escape(&shown, word) < 0)
			return err_nomem(err);
		if (r == -ENOENT)
			return err_set(err, EINVAL, "option %s: no such option%s", buf_str(&shown),
				       value ? ", or it takes no value" : "");
		return err_set(err, EINVAL, "option %s: the value is not valid", buf_str(&shown));
	}
	return 0;
}
