/* Only the members in use are read, and all of these are validated. */
#include "store/oci/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "store/oci/platform.h"

#define INDEX_ENTRIES_MAX 20000
#define ANNOTATION_REF_NAME "org.opencontainers.image.ref.name"
#define ANNOTATION_IMAGE_NAME "io.containerd.image.name"

/* Copy a string member; NULL if it is missing or has another type. 0 or -ENOMEM. */
static int take_str(const json_t *obj, const char *key, char **out)
{
	const char *s = json_str(obj, key);

	*out = s ? strdup(s) : NULL;
	return s && !*out ? -ENOMEM : 0;
}

int descriptor_parse(const struct json_t *j, struct descriptor *out, struct err *err)
{
	const json_t *size = json_object_get(j, "size");
	const json_t *platform = json_object_get(j, "platform");
	const json_t *annotations = json_object_get(j, "annotations");
	struct descriptor d = { 0 };
	int r;

	if (!json_is_object(j))
		return err_set(err, EINVAL, "a descriptor is not an object");
	r = digest_parse(json_str(j, "digest"), &d.digest, err);
	if (r < 0)
		return err_wrap(err, r, "descriptor");
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return err_set(err, EINVAL, "descriptor of %s: invalid size", d.digest.str);
	d.size = json_integer_value(size);
	if (take_str(j, "mediaType", &d.media_type) < 0 || take_str(platform, "os", &d.os) < 0 ||
	    take_str(platform, "architecture", &d.architecture) < 0 ||
	    take_str(platform, "variant", &d.variant) < 0 ||
	    take_str(annotations, ANNOTATION_REF_NAME, &d.ref_name) < 0 ||
	    take_str(annotations, ANNOTATION_IMAGE_NAME, &d.image_name) < 0) {
		descriptor_fini(&d);
		return err_nomem(err);
	}
	*out = d;
	return 0;
}

int descriptor_copy(const struct descriptor *d, struct descriptor *out)
{
	struct descriptor c = *d;
	char **strings[] = { &c.media_type, &c.os,	 &c.architecture,
			     &c.variant,    &c.ref_name, &c.image_name };
	size_t i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(strings); i++) {
		char *s = *strings[i];

		*strings[i] = s ? strdup(s) : NULL;
		ok = ok && (!s || *strings[i]);
	}
	if (!ok) {
		descriptor_fini(&c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void descriptor_fini(struct descriptor *d)
{
	free(d->media_type);
	free(d->os);
	free(d->architecture);
	free(d->variant);
	free(d->ref_name);
	free(d->image_name);
	memset(d, 0, sizeof(*d));
}

bool manifest_media_is_index(const char *media_type)
{
	return media_type && (strcmp(media_type, MEDIA_OCI_INDEX) == 0 ||
			      strcmp(media_type, MEDIA_DOCKER_LIST) == 0);
}

bool manifest_media_is_manifest(const char *media_type)
{
	return media_type && (strcmp(media_type, MEDIA_OCI_MANIFEST) == 0 ||
			      strcmp(media_type, MEDIA_DOCKER_MANIFEST) == 0);
}

static int parse_layers(const json_t *layers, struct manifest *m, struct err *err)
{
	size_t i, n = json_array_size(layers);
	int r;

	/* Go writes an empty list as null. */
	if (!json_is_array(layers) && !json_is_null(layers))
		return err_set(err, EINVAL, "manifest: no layers");
	if (n > MANIFEST_LAYERS_MAX)
		return err_set(err, E2BIG, "manifest: %zu layers, at most %d are supported", n,
			       MANIFEST_LAYERS_MAX);
	m->layers = calloc(n ? n : 1, sizeof(*m->layers));
	if (!m->layers)
		return err_nomem(err);
	for (i = 0; i < n; i++) {
		r = descriptor_parse(json_array_get(layers, i), &m->layers[i], err);
		if (r < 0)
			return err_wrap(err, r, "manifest: layer %zu", i);
		m->n_layers++;
	}
	return 0;
}

static int check_kind(const json_t *j, struct err *err)
{
	const json_t *version = json_object_get(j, "schemaVersion");
	const char *media = json_str(j, "mediaType");

	if (!json_is_object(j))
		return err_set(err, EINVAL, "manifest: not a JSON object");
	if (json_is_integer(version) && json_integer_value(version) == 1)
		return err_set(err, ENOTSUP,
			       "manifest: Docker schema 1 is not supported; pull and push the "
			       "image with a newer tool first");
	if (!json_is_integer(version) || json_integer_value(version) != 2)
		return err_set(err, EINVAL, "manifest: no schemaVersion 2");
	if (json_object_get(j, "manifests"))
		return err_set(err, EINVAL, "manifest: has the members of an image index");
	if (media && !manifest_media_is_manifest(media))
		return err_set(err, ENOTSUP, "manifest: media type \"%s\" is not supported", media);
	return 0;
}

int manifest_parse(const char *data, size_t len, struct manifest *out, struct err *err)
{
	_cleanup_json_ json_t *j = NULL;
	struct manifest m = { 0 };
	const char *media;
	int r;

	r = json_parse(data, len, "manifest", &j, err);
	if (r < 0)
		return r;
	r = check_kind(j, err);
	if (r < 0)
		return r;
	r = descriptor_parse(json_object_get(j, "config"), &m.config, err);
	if (r < 0)
		return err_wrap(err, r, "manifest: config");
	media = m.config.media_type;
	if (media && strcmp(media, MEDIA_OCI_CONFIG) != 0 &&
	    strcmp(media, MEDIA_DOCKER_CONFIG) != 0)
		r = err_set(err, ENOTSUP, "not a container image: its config is of type \"%s\"",
			    media);
	else
		r = parse_layers(json_object_get(j, "layers"), &m, err);
	if (r < 0) {
		manifest_fini(&m);
		return r;
	}
	*out = m;
	return 0;
}

int manifest_check_layers(const struct manifest *m, struct err *err)
{
	size_t i;

	for (i = 0; i < m->n_layers; i++) {
		const struct descriptor *d = &m->layers[i];
		const char *media = d->media_type ? d->media_type : "", *json;

		if (strstr(media, "+encrypted"))
			return err_set(err, ENOKEY,
				       "layer %s: encrypted layers are not supported (%s)",
				       d->digest.str, media);
		json = strstr(media, "json");
		if (json && (!json[4] || json[4] == ';'))
			return err_set(err, ENOTSUP,
				       "not a container image: its layer %s is of type \"%s\"",
				       d->digest.str, media);
	}
	return 0;
}

void manifest_fini(struct manifest *m)
{
	size_t i;

	for (i = 0; i < m->n_layers; i++)
		descriptor_fini(&m->layers[i]);
	free(m->layers);
	descriptor_fini(&m->config);
	memset(m, 0, sizeof(*m));
}

static json_t *descriptor_json(const struct descriptor *d)
{
	return json_pack("{s:s, s:s, s:I}", "mediaType", d->media_type, "digest", d->digest.str,
			 "size", (json_int_t)d->size);
}

static int write_as(const char *media_type, const struct manifest *m, struct buf *out)
{
	_cleanup_json_ json_t *layers = json_array(), *j = NULL;
	size_t i;

	for (i = 0; i < m->n_layers; i++)
		if (json_array_append_new(layers, descriptor_json(&m->layers[i])) < 0)
			return -ENOMEM;
	j = json_pack("{s:i, s:s, s:o, s:O}", "schemaVersion", 2, "mediaType", media_type, "config",
		      descriptor_json(&m->config), "layers", layers);
	return j ? json_text(j, out) : -ENOMEM;
}

int manifest_write(const struct manifest *m, struct buf *out)
{
	return write_as(MEDIA_OCI_MANIFEST, m, out);
}

int manifest_is_ours(const struct manifest *m, const char *text, size_t len)
{
	struct buf again _cleanup_buf_ = BUF_INIT;
	size_t i;

	/* The media types are optional when a manifest is read. */
	if (!m->config.media_type)
		return 0;
	for (i = 0; i < m->n_layers; i++)
		if (!m->layers[i].media_type)
			return 0;
	if (manifest_write(m, &again) < 0)
		return -ENOMEM;
	return len == again.len && memcmp(text, again.data, len) == 0;
}

/* Docker's media type of a layer; NULL if there is none. */
static const char *docker_layer(const char *media_type)
{
	static const char *const pairs[][2] = {
		{ MEDIA_OCI_LAYER, MEDIA_DOCKER_LAYER },
		{ MEDIA_OCI_LAYER_GZIP, MEDIA_DOCKER_LAYER_GZIP },
		{ MEDIA_DOCKER_LAYER, MEDIA_DOCKER_LAYER },
		{ MEDIA_DOCKER_LAYER_GZIP, MEDIA_DOCKER_LAYER_GZIP },
	};
	size_t i;

	for (i = 0; media_type && i < ARRAY_SIZE(pairs); i++)
		if (strcmp(pairs[i][0], media_type) == 0)
			return pairs[i][1];
	return NULL;
}

int manifest_write_docker(const struct manifest *m, struct buf *out, struct err *err)
{
	_cleanup_free_ struct descriptor *layers =
		calloc(m->n_layers ? m->n_layers : 1, sizeof(*layers));
	struct manifest docker = { .config = m->config, .layers = layers, .n_layers = m->n_layers };
	size_t i;

	if (!layers)
		return err_nomem(err);
	docker.config.media_type = (char *)MEDIA_DOCKER_CONFIG;
	for (i = 0; i < m->n_layers; i++) {
		layers[i] = m->layers[i];
		layers[i].media_type = (char *)docker_layer(m->layers[i].media_type);
		if (!layers[i].media_type)
			return err_set(err, ENOTSUP,
				       "a Docker manifest cannot name layer %s of type %.200s",
				       m->layers[i].digest.str,
				       m->layers[i].media_type ? m->layers[i].media_type : "\"\"");
	}
	return write_as(MEDIA_DOCKER_MANIFEST, &docker, out) < 0 ? err_nomem(err) : 0;
}

int index_parse(const char *data, size_t len, struct index *out, struct err *err)
{
	_cleanup_json_ json_t *j = NULL;
	struct index x = { 0 };
	const json_t *manifests;
	const char *media;
	size_t i, n;
	int r;

	r = json_parse(data, len, "image index", &j, err);
	if (r < 0)
		return r;
	media = json_str(j, "mediaType");
	if (media && !manifest_media_is_index(media))
		return err_set(err, ENOTSUP, "image index: media type \"%s\" is not supported",
			       media);
	manifests = json_object_get(j, "manifests");
	if (!json_is_array(manifests) && !json_is_null(manifests))
		return err_set(err, EINVAL, "image index: no manifests");
	if (json_object_get(j, "layers") || json_object_get(j, "config"))
		return err_set(err, EINVAL, "image index: has the members of a manifest");
	n = json_array_size(manifests);
	if (n > INDEX_ENTRIES_MAX)
		return err_set(err, E2BIG, "image index: %zu entries, at most %d are read", n,
			       INDEX_ENTRIES_MAX);
	x.entries = calloc(n ? n : 1, sizeof(*x.entries));
	if (!x.entries)
		return err_nomem(err);
	for (i = 0; i < n; i++) {
		r = descriptor_parse(json_array_get(manifests, i), &x.entries[i], err);
		if (r < 0) {
			index_fini(&x);
			return err_wrap(err, r, "image index: entry %zu", i);
		}
		x.n++;
	}
	*out = x;
	return 0;
}

void index_fini(struct index *x)
{
	size_t i;

	for (i = 0; i < x->n; i++)
		descriptor_fini(&x->entries[i]);
	free(x->entries);
	memset(x, 0, sizeof(*x));
}

static bool has_platform(const struct descriptor *d)
{
	return d->os && *d->os && d->architecture && *d->architecture;
}

bool manifest_platform_text(const struct descriptor *d, char out[static PLATFORM_MAX])
{
	const char *variant = d->variant && *d->variant ? d->variant : NULL;

	if (!has_platform(d))
		return false;
	snprintf(out, PLATFORM_MAX, "%s/%s%s%s", d->os, d->architecture, variant ? "/" : "",
		 variant ? variant : "");
	return true;
}

/* Like platform_fit(); a descriptor without a platform fits none. */
static int fit(const struct descriptor *d, const char *platform)
{
	struct platform have, want;

	if (!platform_set(d->os, d->architecture, d->variant, &have) ||
	    platform_parse(platform, &want) < 0)
		return -1;
	return platform_fit(&have, &want);
}

bool manifest_platform_fits(const struct descriptor *d, const char *platform)
{
	return fit(d, platform) >= 0;
}

static bool is_attestation(const struct descriptor *d)
{
	return d->os && strcmp(d->os, "unknown") == 0;
}

bool manifest_platform_runs(const struct descriptor *d)
{
	static const char *const older[][2] = {
		{ "linux/amd64", "linux/386" },	    { "linux/arm64", "linux/arm" },
		{ "linux/arm/v7", "linux/arm/v6" }, { "linux/arm/v7", "linux/arm/v5" },
		{ "linux/arm/v6", "linux/arm/v5" },
	};
	char host[64];
	bool runs;
	size_t i;

	platform_host_name(host);
	runs = !has_platform(d) || manifest_platform_fits(d, host);
	for (i = 0; i < ARRAY_SIZE(older) && !runs; i++)
		runs = strcmp(host, older[i][0]) == 0 && manifest_platform_fits(d, older[i][1]);
	return runs;
}

int index_rank(const struct descriptor *d, const char *platform)
{
	char host[64];
	int how;

	if (is_attestation(d))
		return -1;
	if (!has_platform(d))
		return 2;
	platform_host_name(host);
	how = fit(d, platform ? platform : host);
	if (how < 0 && !platform && manifest_platform_runs(d))
		how = 1;
	return how < 0 ? INDEX_RANKS - 1 : how;
}

int index_choose(const struct index *x, const char *platform, struct err *err)
{
	struct buf have _cleanup_buf_ = BUF_INIT;
	char host[64], text[PLATFORM_MAX];
	size_t i, near = x->n, bare = 0, n_bare = 0;

	if (!platform) {
		platform_host_name(host);
		platform = host;
	}
	for (i = 0; i < x->n; i++) {
		const struct descriptor *d = &x->entries[i];
		int how;

		if (is_attestation(d))
			continue;
		how = fit(d, platform);
		if (how == 0)
			return (int)i;
		if (how > 0)
			near = MIN(near, i);
		if (!manifest_platform_text(d, text))
			bare = i, n_bare++;
		else if (buf_printf(&have, "%s%s", have.len ? ", " : "", text) < 0)
			return err_nomem(err);
	}
	if (near < x->n)
		return (int)near;
	/* A single image without a platform is the only choice. */
	if (n_bare == 1 && !have.len)
		return (int)bare;
	return err_set(err, ENOTSUP,
		       "no matching manifest for %s in the manifest list entries (available: %s)",
		       platform, have.len ? buf_str(&have) : "none");
}
