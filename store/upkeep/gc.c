/*
 * Unreachable files are removed. If reachability is uncertain, only files that can be regenerated
 * are.
 */
#include "store/upkeep/gc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "store/disk/blob.h"
#include "store/disk/partial.h"
#include "store/disk/store.h"
#include "store/layer/layer_copy.h"
#include "store/layer/layer_index.h"
#include "store/upkeep/reachable.h"

DEFINE_CLEANUP_PTR(struct reachable, reachable_free);

struct gc {
	struct store *store;
	struct reachable *reachable;
	bool dry;
	struct gc_result *out;
};

void gc_result_fini(struct gc_result *r)
{
	map_fini(&r->blobs, NULL);
	memset(r, 0, sizeof(*r));
}

/* Remove a regular file; anything else is not ours. True if it was removed. */
static bool drop(struct gc *g, const char *path)
{
	struct stat st;
	int r;

	if (beneath_stat(g->store->fd, path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	r = g->dry ? 0 : beneath_unlink(g->store->fd, path);
	if (r < 0) {
		log_warn("store %s: cannot remove %s: %s", g->store->path, path, strerror(-r));
		return false;
	}
	log_debug("%s %s: nothing leads to it", g->dry ? "would collect" : "collected", path);
	g->out->bytes += (uint64_t)st.st_size;
	g->out->files++;
	return true;
}

/* Remove the derived files of a blob. */
static void drop_derived(struct gc *g, const struct digest *blob)
{
	char index[LAYER_PATH_MAX], copy[DIGEST_MAX + 32];

	layer_index_path(blob, index);
	layer_copy_path(blob, copy);
	drop(g, index);
	drop(g, copy);
}

static int drop_blob(struct gc *g, const struct digest *blob)
{
	char path[DIGEST_MAX + 8];

	blob_store_path(blob, path);
	if (drop(g, path) && map_put(&g->out->blobs, blob->str, g->out) < 0)
		return -ENOMEM;
	drop_derived(g, blob);
	return 0;
}

/* True if a blob is, or may be, reachable. */
static bool is_needed(const struct gc *g, const struct digest *blob)
{
	const char *root = reachable_from(g->reachable, blob);
	const char *why = reachable_uncertain(g->reachable);

	if (root)
		log_debug("kept blob %s: %s leads to it", blob->str, root);
	else if (why)
		log_debug("kept blob %s: it may be needed: %s", blob->str, why);
	return root || why;
}

static int begin(struct gc *g, const struct refs *refs, struct err *err)
{
	int r = reachable_new(g->store, refs, &g->reachable, err);

	if (r == 0 && reachable_uncertain(g->reachable))
		snprintf(g->out->uncertain, sizeof(g->out->uncertain), "%s",
			 reachable_uncertain(g->reachable));
	return r;
}

int gc_among(struct store *s, const struct refs *refs, const struct map *candidates,
	     struct gc_result *out, struct err *err)
{
	_cleanup_(cleanup_reachable_free) struct reachable *reachable = NULL;
	struct gc g = { .store = s, .out = out };
	const struct map_slot *slot;
	struct digest d;
	size_t i = 0;
	int r;

	memset(out, 0, sizeof(*out));
	r = begin(&g, refs, err);
	reachable = g.reachable;
	if (r < 0)
		return r;
	while (r == 0 && (slot = map_next(candidates, &i)))
		if (digest_parse(slot->key, &d, NULL) == 0 && !is_needed(&g, &d))
			r = drop_blob(&g, &d);
	return r < 0 ? err_nomem(err) : 0;
}

/* Parse "<hex><suffix>" in a directory of that algorithm. */
static bool file_digest(const char *alg, const char *name, const char *suffix, struct digest *out)
{
	char text[DIGEST_MAX + 8];
	size_t n = strlen(name), end = strlen(suffix);

	if (n <= end || strcmp(name + n - end, suffix) != 0)
		return false;
	if (snprintf(text, sizeof(text), "%s:%.*s", alg, (int)(n - end), name) >= (int)sizeof(text))
		return false;
	return digest_parse(text, out, NULL) == 0;
}

/* Remove an index or a copy without a blob; those of removed blobs are already gone. */
static int check_derived(struct gc *g, const struct digest *d, const char *path)
{
	if (!blob_exists(g->store, d, -1))
		drop(g, path);
	return 0;
}

static int check_blob(struct gc *g, const struct digest *d, const char *path)
{
	(void)path;
	return is_needed(g, d) ? 0 : drop_blob(g, d);
}

/*
 * Sweep the files of dir_path/alg that are named digest + suffix. A missing directory is empty.
 */
static int sweep(struct gc *g, const char *dir_path, const char *alg, const char *suffix,
		 int (*check)(struct gc *g, const struct digest *d, const char *path),
		 struct err *err)
{
	_cleanup_names_ char **names = NULL;
	_cleanup_close_ int fd = -1;
	struct digest digest;
	char path[64];
	size_t n, i;
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir_path, alg);
	fd = beneath_dir(g->store->fd, path);
	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fd : file_names(fd, &names, &n);
	if (r < 0)
		return err_sys(err, -r, "store %s: %s", g->store->path, path);
	for (i = 0; i < n; i++) {
		char file[512];

		if (!file_digest(alg, names[i], suffix, &digest))
			continue;
		snprintf(file, sizeof(file), "%s/%.255s", path, names[i]);
		if (check(g, &digest, file) < 0)
			return err_nomem(err);
	}
	return 0;
}

int gc_all(struct store *s, const struct refs *refs, bool dry, struct gc_result *out,
	   struct err *err)
{
	static const char *const algs[] = { "sha256", "sha512" };
	_cleanup_(cleanup_reachable_free) struct reachable *reachable = NULL;
	struct gc g = { .store = s, .out = out, .dry = dry };
	size_t i;
	int r;

	memset(out, 0, sizeof(*out));
	r = begin(&g, refs, err);
	reachable = g.reachable;
	for (i = 0; i < ARRAY_SIZE(algs) && r == 0; i++) {
		r = sweep(&g, "blobs", algs[i], "", check_blob, err);
		if (r == 0)
			r = sweep(&g, "imagefs/layers", algs[i], ".idx", check_derived, err);
		if (r == 0)
			r = sweep(&g, "imagefs/cache", algs[i], ".zst", check_derived, err);
	}
	if (r == 0) {
		uint64_t bytes;

		out->files += partial_sweep(s, dry, NULL, NULL, &bytes);
		out->bytes += bytes;
	}
	return r;
}
