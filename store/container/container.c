/*
 * A container is created in imagefs/tmp and renamed into place. container.json is written once.
 */
#include "store/container/container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/remove_tree.h"
#include "base/text.h"
#include "base/walk.h"
#include "store/container/upper.h"
#include "store/disk/blob.h"
#include "store/disk/store.h"
#include "store/disk/store_lock.h"
#include "store/image/image.h"
#include "store/image/tree.h"
#include "store/layer/layer.h"
#include "store/oci/reference.h"

#define CONTAINER_JSON "container.json"
#define CONTAINER_JSON_MAX (64u << 10)

static const char name_words[] = "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed";

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int container_name_check(const char *name, struct err *err)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;
	size_t i, len = strlen(name);
	bool good = len >= 2 && len <= NAME_MAX && is_alnum(name[0]);

	for (i = 1; good && i < len; i++)
		good = is_alnum(name[i]) || strchr("_.-", name[i]);
	if (good)
		return 0;
	text_escape(&shown, name);
	return err_set(err, EINVAL, "Invalid container name (%.300s), %s", buf_str(&shown),
		       name_words);
}

static int no_such(struct err *err, const char *name)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	text_escape(&shown, name);
	return err_set(err, ENOENT, "No such container: %.300s", buf_str(&shown));
}

static int in_use(struct err *err, const char *name)
{
	return err_set(
		err, EEXIST,
		"Conflict. The container name \"/%s\" is already in use by container \"%s\". "
		"You have to remove (or rename) that container to be able to reuse that name.",
		name, name);
}

int container_name_free(struct store *s, const char *name, struct err *err)
{
	_cleanup_free_ char *path = path_join("containers", name);
	struct stat st;
	int r = container_name_check(name, err);

	if (r < 0)
		return r;
	if (!path)
		return err_nomem(err);
	r = beneath_stat(s->imagefs_fd, path, &st);
	if (r == 0)
		return in_use(err, name);
	return r == -ENOENT ? 0 : err_sys(err, -r, "container %s", name);
}

int container_name_random(struct store *s, char **out, struct err *err)
{
	static const char *const how[] = {
		"agile", "bold",   "brisk",   "calm",	"clever", "crisp",  "eager",  "early",
		"fair",	 "fleet",  "frank",   "fresh",	"gentle", "grand",  "happy",  "honest",
		"jolly", "keen",   "kind",    "light",	"lively", "lucid",  "merry",  "mild",
		"neat",	 "noble",  "patient", "polite", "proud",  "quick",  "quiet",  "ready",
		"sharp", "silent", "smart",   "solid",	"steady", "sunny",  "swift",  "tidy",
		"vivid", "warm",   "witty",   "young",	"brave",  "bright", "candid", "sound",
	};
	static const char *const who[] = {
		"babbage", "bell",     "bohr",	  "boole",  "cantor",  "cerf",	   "church",
		"curie",   "dijkstra", "euclid",  "euler",  "faraday", "fermat",   "galois",
		"gauss",   "goedel",   "hamming", "hertz",  "hilbert", "hoare",	   "hopper",
		"hypatia", "kepler",   "knuth",	  "lamarr", "leibniz", "lovelace", "maxwell",
		"meitner", "newton",   "noether", "pascal", "planck",  "ritchie",  "shannon",
		"tesla",   "thompson", "turing",  "volta",  "wilkes",
	};
	_cleanup_free_ char *path = NULL;
	unsigned tries;

	for (tries = 0; tries < 1000; tries++) {
		struct buf name _cleanup_buf_ = BUF_INIT;
		unsigned char rnd[4];
		int r;

		if (getrandom(rnd, sizeof(rnd), 0) != (ssize_t)sizeof(rnd))
			return err_sys(err, EIO, "random numbers");
		r = buf_printf(&name, "%s_%s", how[rnd[0] % ARRAY_SIZE(how)],
			       who[rnd[1] % ARRAY_SIZE(who)]);
		/* As in docker: append a digit after many collisions. */
		if (r == 0 && tries > 20)
			r = buf_printf(&name, "%u", (unsigned)rnd[2] << 8 | rnd[3]);
		free(TAKE_PTR(path));
		path = r < 0 ? NULL : path_join("containers", buf_str(&name));
		if (!path)
			return err_nomem(err);
		if (beneath_exists(s->imagefs_fd, path))
			continue;
		*out = buf_take(&name);
		return *out ? 0 : err_nomem(err);
	}
	return err_set(err, EEXIST, "no free random name found; give one with --name");
}

/* Write container.json. */
static int write_json(int dirfd, const struct image *image, bool unprivileged, struct err *err)
{
	_cleanup_json_ json_t *root = NULL;
	_cleanup_close_ int fd = -1;
	struct buf text _cleanup_buf_ = BUF_INIT;
	struct timespec now;
	char created[48];
	int r;

	clock_gettime(CLOCK_REALTIME, &now);
	text_time(now, created);
	root = json_pack("{s:s*, s:s*, s:s, s:{s:s, s:s, s:I}, s:s, s:b}", "imageName", image->name,
			 "imageTyped", image->typed, "imageID", image->id.str, "manifest",
			 "mediaType", image->desc.media_type, "digest", image->desc.digest.str,
			 "size", (json_int_t)image->desc.size, "created", created, "unprivileged",
			 unprivileged);
	if (!root || json_text(root, &text) < 0)
		return err_nomem(err);
	fd = openat(dirfd, CONTAINER_JSON, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "%s", CONTAINER_JSON);
	r = file_write_all(fd, text.data, text.len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? err_sys(err, -r, "%s", CONTAINER_JSON) : 0;
}

/* Read the name as typed; older containers lack it and get the familiar form. */
static int read_typed(struct container *c, const char *typed, struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };

	if (typed)
		c->image_typed = strdup(typed);
	else if (c->image_name && reference_parse(c->image_name, &ref, NULL) == 0)
		c->image_typed = reference_familiar(&ref);
	else
		return 0;
	return c->image_typed ? 0 : err_nomem(err);
}

static int read_json(struct container *c, struct err *err)
{
	_cleanup_json_ json_t *root = NULL;
	struct buf text _cleanup_buf_ = BUF_INIT;
	const char *id, *name, *typed, *created, *media, *digest;
	json_t *manifest, *size, *unprivileged;
	int r = file_read(c->fd, CONTAINER_JSON, CONTAINER_JSON_MAX, &text, err);

	if (r == 0)
		r = json_parse(buf_str(&text), text.len, CONTAINER_JSON, &root, err);
	if (r < 0)
		return r;
	manifest = json_object_get(root, "manifest");
	size = json_object_get(manifest, "size");
	media = json_str(manifest, "mediaType");
	digest = json_str(manifest, "digest");
	id = json_str(root, "imageID");
	name = json_str(root, "imageName");
	typed = json_str(root, "imageTyped");
	created = json_str(root, "created");
	unprivileged = json_object_get(root, "unprivileged");
	if (!id || !created || !media || !digest || !json_is_integer(size) ||
	    json_integer_value(size) < 0 || !json_is_boolean(unprivileged))
		return err_set(err, EINVAL, "%s: damaged", CONTAINER_JSON);
	r = digest_parse(id, &c->image_id, err);
	if (r == 0)
		r = digest_parse(digest, &c->manifest.digest, err);
	if (r < 0)
		return r;
	if (text_parse_time(created, &c->created) < 0)
		return err_set(err, EINVAL, "%s: created: not a time", CONTAINER_JSON);
	c->manifest.size = json_integer_value(size);
	c->unprivileged = json_is_true(unprivileged);
	c->manifest.media_type = strdup(media);
	c->image_name = name ? strdup(name) : NULL;
	if (!c->manifest.media_type || (name && !c->image_name))
		return err_nomem(err);
	return read_typed(c, typed, err);
}

int container_open(struct store *s, const char *name, struct container **out, struct err *err)
{
	_cleanup_container_ struct container *c = NULL;
	_cleanup_free_ char *path = NULL;
	int r = container_name_check(name, NULL);

	if (r < 0)
		return no_such(err, name);
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_nomem(err);
	c->fd = -1;
	c->read_only = s->fixed;
	c->name = strdup(name);
	path = path_join("containers", name);
	if (!c->name || !path)
		return err_nomem(err);
	c->fd = beneath_dir(s->imagefs_fd, path);
	if (c->fd == -ENOENT || c->fd == -ENOTDIR || c->fd == -ELOOP)
		return no_such(err, name);
	if (c->fd < 0)
		return err_sys(err, -c->fd, "container %s", name);
	r = read_json(c, err);
	if (r < 0)
		return err_wrap(err, r, "container %s", name);
	*out = TAKE_PTR(c);
	return 0;
}

void container_free(struct container *c)
{
	if (!c)
		return;
	free(c->name);
	free(c->image_name);
	free(c->image_typed);
	descriptor_fini(&c->manifest);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

int container_check_current(struct store *s, const struct container *c, struct err *err)
{
	_cleanup_free_ char *path = path_join("containers", c->name);
	struct stat now, then;
	int r;

	if (!path)
		return err_nomem(err);
	if (fstat(c->fd, &then) < 0)
		return err_sys(err, errno, "container %s", c->name);
	r = beneath_stat(s->imagefs_fd, path, &now);
	if (r < 0)
		return r == -ENOENT ? no_such(err, c->name)
				    : err_sys(err, -r, "container %s", c->name);
	return now.st_dev == then.st_dev && now.st_ino == then.st_ino ? 0 : no_such(err, c->name);
}

int container_name_now(struct store *s, const struct container *c, char **out)
{
	struct container other = *c;
	char **names;
	size_t i;
	int r = container_list(s, &names, NULL);

	if (r < 0)
		return r;
	r = -ENOENT;
	for (i = 0; r == -ENOENT && names[i]; i++) {
		other.name = names[i];
		r = container_check_current(s, &other, NULL);
	}
	if (r == 0) {
		*out = strdup(other.name);
		r = *out ? 0 : -ENOMEM;
	}
	container_list_free(names);
	return r;
}

int container_list(struct store *s, char ***out, struct err *err)
{
	_cleanup_close_ int fd = beneath_dir(s->imagefs_fd, "containers");
	size_t n, i, kept = 0;
	char **names;
	int r = fd < 0 ? fd : file_names(fd, &names, &n);

	if (r < 0)
		return err_sys(err, -r, "store %s: imagefs/containers", s->path);
	for (i = 0; i < n; i++) {
		if (container_name_check(names[i], NULL) == 0)
			names[kept++] = names[i];
		else
			free(names[i]);
	}
	names[kept] = NULL;
	*out = names;
	return 0;
}

void container_list_free(char **names)
{
	file_names_free(names);
}

/* Copy the metadata of the image's root directory to upper/. */
static int copy_root(struct store *s, const struct image *image, const struct upper *u,
		     struct err *err)
{
	struct layers *ls = layers_new(s, 0);
	const struct layer_entry *e;
	struct tree *tree = NULL;
	struct layer *l = NULL;
	struct timespec times[2];
	uint64_t pos = 0;
	uint32_t index;
	const char *name;
	const void *value;
	struct stat st;
	size_t len;
	int r;

	if (!ls)
		return err_nomem(err);
	r = tree_open(ls, &image->manifest, &tree, err);
	if (r < 0)
		goto out;
	tree_stat(tree, TREE_ROOT, &st);
	r = upper_set_owner(u, u->fd, &st);
	e = tree_entry(tree, TREE_ROOT, &l, &index);
	while (r == 0 && e && layer_xattr(l, e, &pos, &name, &value, &len) > 0)
		r = upper_xattr_copy(u, u->fd, name, value, len, st.st_mode);
	times[0] = times[1] = st.st_mtim;
	if (r == 0 && futimens(u->fd, times) < 0)
		r = -errno;
	if (r < 0)
		err_sys(err, -r, "upper");
out:
	tree_free(tree);
	layers_free(ls);
	return r;
}

/* Root in a user namespace may lack the privileges for the privileged form. */
static bool is_unprivileged(int fd)
{
	if (geteuid() != 0 || fsetxattr(fd, "trusted.overlay.probe", "y", 1, 0) < 0)
		return true;
	fremovexattr(fd, "trusted.overlay.probe");
	return false;
}

/* Create the contents of the new directory fd. */
static int fill(struct store *s, int fd, const struct image *image, struct err *err)
{
	_cleanup_close_ int upper = -1, lock = -1, work = -1;
	struct upper u;
	int r;

	if (mkdirat(fd, "upper", 0755) < 0 || mkdirat(fd, "work", 0700) < 0)
		return err_sys(err, errno, "upper");
	lock = openat(fd, "lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	upper = openat(fd, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	work = openat(fd, "work", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (lock < 0 || upper < 0 || work < 0)
		return err_sys(err, errno, "upper");
	u.fd = upper;
	u.work_fd = work;
	u.unprivileged = is_unprivileged(upper);
	r = copy_root(s, image, &u, err);
	if (r == 0)
		r = write_json(fd, image, u.unprivileged, err);
	if (r == 0 && (fsync(upper) < 0 || fsync(fd) < 0))
		r = err_sys(err, errno, "upper");
	return r;
}

/*
 * Take the store's lock, which prevents a sweep, for moving a container through imagefs/tmp. temp
 * receives an unused name.
 */
static int begin_locked(struct store *s, const char *name, char temp[static 48], struct err *err)
{
	uint64_t id;
	int r = store_containers_writable(s, err);

	if (r < 0)
		return r;
	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return err_sys(err, EIO, "container %s: random numbers", name);
	snprintf(temp, 48, "tmp/container-%016llx", (unsigned long long)id);
	return store_lock(s, STORE_LOCK_SHARED, err);
}

/* Removed since it was opened. */
static int no_such_image(struct err *err, const struct image *image)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_free_ char *name = NULL;

	if (image->name && reference_parse(image->name, &ref, NULL) == 0)
		name = reference_familiar(&ref);
	return err_set(err, ENOENT, "No such image: %s", name ? name : image->id.str);
}

/* Sync and announce a change of imagefs/containers. */
static void list_changed(struct store *s)
{
	beneath_sync_dir(s->imagefs_fd, "containers");
	store_changed(s);
}

static int create_locked(struct store *s, const char *name, const struct image *image,
			 const char *temp, struct err *err)
{
	_cleanup_free_ char *path = path_join("containers", name);
	_cleanup_close_ int fd = -1;
	int r;

	if (!path)
		return err_nomem(err);
	if (!blob_exists(s, &image->desc.digest, image->desc.size) ||
	    !blob_exists(s, &image->id, -1))
		return no_such_image(err, image);
	r = beneath_mkdir(s->imagefs_fd, temp, 0700);
	if (r == 0)
		r = fd = beneath_dir(s->imagefs_fd, temp);
	if (r < 0)
		return err_sys(err, -r, "container %s: imagefs/%s", name, temp);
	r = fill(s, fd, image, err);
	if (r < 0)
		return err_wrap(err, r, "container %s", name);
	r = beneath_rename(s->imagefs_fd, temp, s->imagefs_fd, path, RENAME_NOREPLACE);
	if (r == 0)
		list_changed(s);
	else
		r = r == -EEXIST ? in_use(err, name) : err_sys(err, -r, "container %s", name);
	return r;
}

int container_create(struct store *s, const char *name, const struct image *image, struct err *err)
{
	char temp[48];
	int r = container_name_check(name, err);

	if (r < 0)
		return r;
	r = begin_locked(s, name, temp, err);
	if (r < 0)
		return r;
	r = create_locked(s, name, image, temp, err);
	if (r < 0)
		remove_tree_beneath(s->imagefs_fd, temp);
	store_unlock(s);
	return r;
}

/*
 * Remove a directory that cannot be renamed, because overlayfs does not rename directories of
 * lower layers. container.json is removed first, so that a crash leaves a directory that can be
 * removed again.
 */
static int remove_in_place(struct store *s, const char *path)
{
	_cleanup_close_ int fd = beneath_dir(s->imagefs_fd, path);

	if (fd < 0)
		return fd;
	if (unlinkat(fd, "container.json", 0) < 0 && errno != ENOENT)
		return -errno;
	return remove_tree_beneath(s->imagefs_fd, path);
}

int container_remove(struct store *s, const char *name, struct err *err)
{
	_cleanup_free_ char *path = path_join("containers", name);
	char temp[48];
	int r = container_name_check(name, NULL);

	if (r < 0)
		return no_such(err, name);
	if (!path)
		return err_nomem(err);
	r = begin_locked(s, name, temp, err);
	if (r < 0)
		return r;
	/* Removed atomically; after a crash, the rest is swept with imagefs/tmp. */
	r = beneath_rename(s->imagefs_fd, path, s->imagefs_fd, temp, 0);
	if (r < 0) {
		if (r == -EXDEV)
			r = remove_in_place(s, path);
		if (r == 0)
			store_changed(s);
		if (r < 0)
			r = r == -ENOENT ? no_such(err, name)
					 : err_sys(err, -r, "container %s", name);
	} else {
		list_changed(s);
		r = remove_tree_beneath(s->imagefs_fd, temp);
		if (r < 0)
			r = err_sys(err, -r, "container %s: imagefs/%s", name, temp);
	}
	store_unlock(s);
	return r;
}

int container_rename(struct store *s, const char *name, const char *to, struct err *err)
{
	_cleanup_free_ char *old = path_join("containers", name),
			    *new = path_join("containers", to);
	int r = container_name_check(to, err);

	if (r < 0)
		return r;
	if (container_name_check(name, NULL) < 0)
		return no_such(err, name);
	if (!old || !new)
		return err_nomem(err);
	r = store_containers_writable(s, err);
	if (r == 0)
		r = store_lock(s, STORE_LOCK_SHARED, err);
	if (r < 0)
		return r;
	r = beneath_rename(s->imagefs_fd, old, s->imagefs_fd, new, RENAME_NOREPLACE);
	if (r == 0)
		list_changed(s);
	else if (r == -EEXIST)
		r = in_use(err, to);
	else if (r == -ENOENT)
		r = no_such(err, name);
	else
		r = err_sys(err, -r, "container %s", name);
	store_unlock(s);
	return r;
}

/* True if it still has its name, and was not moved to imagefs/tmp for removal. */
static bool is_published(const struct container *c)
{
	_cleanup_close_ int up = openat(c->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat a, b;

	return up >= 0 && fstat(c->fd, &a) == 0 &&
	       fstatat(up, c->name, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino;
}

int container_open_lock(const struct container *c, int flags)
{
	_cleanup_close_ int fd = beneath_open(c->fd, "lock", flags, 0600);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* With several links, it could be another user's file, and its lock as well. */
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
		return -EINVAL;
	return TAKE_FD(fd);
}

/*
 * On a read-only store, lock against changes by others. If the lock file cannot be locked
 * (another user's file, NFS), continue without.
 */
static int lock_reading(const struct container *c)
{
	_cleanup_close_ int fd = container_open_lock(c, O_RDONLY);

	if (fd < 0)
		fd = openat(c->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	else if (lock_try(fd, LOCK_MODE_SHARED, "container", c->name) == -EWOULDBLOCK)
		return -EWOULDBLOCK;
	return fd < 0 ? -errno : TAKE_FD(fd);
}

int container_flock(const struct container *c, bool exclusive, bool wait)
{
	_cleanup_close_ int fd = -1;
	enum lock_mode mode;
	int r;

	if (c->read_only)
		return lock_reading(c);
	fd = container_open_lock(c, O_RDWR);

	/*
	 * It is created with the container, and again only if the container has its name: a
	 * directory that is being removed must not get new files.
	 */
	if (fd == -ENOENT) {
		if (!is_published(c))
			return -ENOENT;
		fd = container_open_lock(c, O_RDWR | O_CREAT);
	}
	if (fd < 0)
		return fd;
	mode = exclusive ? LOCK_MODE_EXCLUSIVE : LOCK_MODE_SHARED;
	r = wait ? lock_take(fd, mode, "container", c->name)
		 : lock_try(fd, mode, "container", c->name);
	return r < 0 ? r : TAKE_FD(fd);
}

/* Sum up the files and symbolic links below upper/, each inode once, as docker does. */
static int size_tree(int top, uint64_t *sum)
{
	struct walk w _cleanup_walk_ = WALK_INIT;
	struct map seen = MAP_INIT;
	const char *name;
	struct stat st;
	char key[32];
	int fd, r;

	fd = openat(top, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? -errno : walk_enter(&w, fd);
	while (r >= 0 && (r = walk_next(&w, &name)) > 0) {
		if (fstatat(w.fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			fd = openat(w.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (fd >= 0)
				r = walk_enter(&w, fd);
		} else if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)) {
			snprintf(key, sizeof(key), "%llx", (unsigned long long)st.st_ino);
			if (st.st_nlink > 1 && map_get(&seen, key))
				continue;
			if (st.st_nlink > 1 && map_put(&seen, key, &seen) < 0)
				r = -ENOMEM;
			*sum += (uint64_t)st.st_size;
		}
	}
	map_fini(&seen, NULL);
	return r;
}

int container_changed_size(const struct container *c, uint64_t *out, struct err *err)
{
	unsigned tries = 0;
	uint64_t sum;
	int r;

	/* A container in use may change during the walk: retry. */
	do {
		sum = 0;
		r = size_tree(c->fd, &sum);
	} while (r == -ESTALE && ++tries < 5);
	if (r < 0 && r != -ESTALE)
		return err_sys(err, -r, "container %s", c->name);
	*out = sum;
	return 0;
}
