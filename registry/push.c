/*
 * From the name that the user types to images that are pushed one after the other.
 */
#include "registry/push.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/progress.h"
#include "registry/auth/auth.h"
#include "registry/client.h"
#include "registry/config/hosts.h"
#include "registry/http/http.h"
#include "registry/mount_sources.h"
#include "registry/push_private.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/disk/store_lock.h"
#include "store/disk/txn.h"
#include "store/image/compress.h"
#include "store/image/image.h"
#include "store/oci/reference.h"

DEFINE_CLEANUP_PTR(struct txn, txn_free);

/* The names to push: full names, sorted by bytes. */
struct names {
	char **v;
	size_t n;
};

static void names_fini(struct names *n)
{
	size_t i;

	for (i = 0; i < n->n; i++)
		free(n->v[i]);
	free(n->v);
}

static int names_add(struct names *n, const char *name)
{
	char **v = realloc(n->v, (n->n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	n->v = v;
	v[n->n] = strdup(name);
	return v[n->n] ? (n->n++, 0) : -ENOMEM;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* True if the name has no tag, so that the default tag applies. */
static bool is_bare(const char *name)
{
	const char *slash = strrchr(name, '/');

	return !strpbrk(slash ? slash + 1 : name, ":@");
}

/* Choose the names of the store to push. */
static int choose(struct store *s, const struct reference *ref, bool all, struct names *out,
		  struct err *err)
{
	_cleanup_free_ char *full = reference_full(ref), *shown = reference_familiar(ref),
			    *repo = reference_repo(ref);
	_cleanup_refs_ struct refs refs = { 0 };
	bool known = false;
	size_t i;
	int r;

	if (!full || !shown || !repo)
		return err_nomem(err);
	r = refs_read(s, &refs, err);
	for (i = 0; r == 0 && i < refs.n; i++) {
		const char *name = refs.v[i].name;

		if (!name || !refs_same_repo(full, name))
			continue;
		known = true;
		if ((all || strcmp(full, name) == 0) && refs_find(&refs, name) == &refs.v[i])
			r = names_add(out, name) < 0 ? err_nomem(err) : 0;
	}
	if (r < 0)
		return r;
	if (out->n) {
		qsort(out->v, out->n, sizeof(*out->v), by_bytes);
		return 0;
	}
	return known ? err_set(err, ENOENT, "tag does not exist: %s", shown)
		     : err_set(err, ENOENT, "An image does not exist locally with the tag: %s",
			       repo);
}

/* Docker Hub names without a user are official images, to which users cannot push. */
static int check_hub(const struct reference *ref, struct err *err)
{
	_cleanup_free_ char *shown = reference_familiar(ref);

	if (strcmp(ref->domain, "docker.io") != 0 || strncmp(ref->path, "library/", 8) != 0)
		return 0;
	if (!shown)
		return err_nomem(err);
	return err_set(
		err, EACCES,
		"%s: denied: requested access to the resource is denied: a name on Docker Hub "
		"needs your user name before it: imagefs tag %s USER/%s",
		shown, shown, shown);
}

/* Open the image that a name refers to. */
static int open_name(struct store *s, const char *name, struct image **out, struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	const struct ref *ref;
	int r = refs_read(s, &refs, err);

	if (r < 0)
		return r;
	ref = refs_find(&refs, name);
	if (!ref)
		return err_set(err, ENOENT, "No such image: %s", name);
	r = image_open(s, NULL, &ref->desc, out, err);
	if (r == -ENOENT && !image_is_listed(s, ref))
		return err_set(err, ENOENT, "No such image: %s", name);
	return r < 0 ? err_wrap(err, r, "%s", name) : 0;
}

/* Record the digest that the registry has, unless the name now refers to another image. */
static int note(struct store *s, const char *name, const struct digest *manifest,
		const struct digest *pushed, struct err *err)
{
	_cleanup_(cleanup_txn_free) struct txn *t = NULL;
	_cleanup_refs_ struct refs refs = { 0 };
	const struct ref *ref;
	int r;

	/* In a read-only store nothing is recorded; the next push asks the registry again. */
	if (s->read_only)
		return 0;
	r = store_lock(s, STORE_LOCK_EXCLUSIVE, err);
	if (r < 0)
		return r;
	r = refs_read(s, &refs, err);
	ref = r == 0 ? refs_find(&refs, name) : NULL;
	if (ref && digest_eq(&ref->desc.digest, manifest) &&
	    !digest_eq(&ref->repo_digest, pushed)) {
		refs_set_digest(&refs, name, pushed);
		r = txn_begin(s, &t, err);
		if (r == 0)
			r = refs_stage(t, &refs, err);
		if (r == 0)
			r = txn_publish(t, err);
	}
	store_unlock(s);
	return r;
}

static int push_name(struct push *p, const char *name, struct err *err)
{
	_cleanup_image_ struct image *image = NULL, *compressed = NULL;
	_cleanup_reference_ struct reference ref = { 0 };
	struct digest entry, pushed = { 0 };
	_cleanup_free_ char *shown = NULL;
	int r = reference_parse(name, &ref, err);

	if (r == 0)
		r = open_name(p->store, name, &image, err);
	if (r == 0)
		r = compress_image(p->store, image, p->options->quiet, &compressed, err);
	if (r < 0)
		return r;
	entry = image->desc.digest;
	shown = reference_familiar(&ref);
	if (!shown)
		return err_nomem(err);
	r = push_image(p, compressed ? compressed : image, &ref, &pushed, err);
	if (r < 0)
		return err_wrap(err, r, "%s", shown);
	return note(p->store, name, &entry, &pushed, err);
}

static int push_names(struct push *p, const struct reference *ref, const struct names *names,
		      struct err *err)
{
	struct http_options http = { 0 };
	_cleanup_endpoints_ struct endpoints endpoints = ENDPOINTS_INIT;
	size_t i;
	int r;

	r = hosts_resolve(ref, p->options->plain_http, &endpoints, err);
	if (r < 0)
		return r;
	p->endpoint = endpoints_own(&endpoints);
	r = http_new(&http, &p->http, err);
	if (r == 0)
		r = auth_new(p->http, &p->auth, err);
	for (i = 0; i < names->n && r == 0; i++)
		r = push_name(p, names->v[i], err);
	auth_free(p->auth);
	http_free(p->http);
	return r;
}

static void print_line(const struct push *p, const char *format, const char *what)
{
	char line[1024];

	if (p->options->quiet)
		return;
	snprintf(line, sizeof(line), format, what);
	progress_print(NULL, stdout, line);
}

static int push_parsed(struct push *p, const struct reference *ref, struct err *err)
{
	_cleanup_(names_fini) struct names names = { 0 };
	_cleanup_free_ char *repo = reference_repo(ref), *shown = reference_familiar(ref);
	char whole[960]; /* leaves room for the rest of the line */
	int r;

	if (!repo || !shown)
		return err_nomem(err);
	snprintf(whole, sizeof(whole), "%s/%s", ref->domain, ref->path);
	print_line(p, "The push refers to repository [%s]", whole);
	r = choose(p->store, ref, p->options->all_tags, &names, err);
	if (r == 0)
		r = check_hub(ref, err);
	if (r == 0)
		r = push_names(p, ref, &names, err);
	if (r == 0 && p->options->quiet)
		progress_print(NULL, stdout, p->options->all_tags ? repo : shown);
	return r;
}

int push(struct store *s, const char *name, const struct push_options *o, struct err *err)
{
	_cleanup_reference_ struct reference ref = { 0 };
	struct push p = { .store = s, .options = o };
	int r = reference_parse(name, &ref, err);

	if (r < 0)
		return r;
	if (digest_is_set(&ref.digest))
		return err_set(err, EINVAL, "%s: cannot push a digest reference", name);
	if (is_bare(name) && !o->all_tags)
		print_line(&p, "Using default tag: %s", ref.tag);
	else if (!is_bare(name) && o->all_tags)
		return err_set(err, EINVAL, "tag can't be used with --all-tags/-a");
	return push_parsed(&p, &ref, err);
}
