/*
 * The JSON of a saved archive: a layout's index.json and docker's manifest.json, as docker writes
 * them since version 25.
 */
#include "store/transfer/save_private.h"

#include <errno.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "store/disk/blob.h"

/* json_pack() steals references; a NULL value makes the result NULL. */

static json_t *descriptor_json(const struct descriptor *d)
{
	return json_pack("{s:s, s:s, s:I}", "mediaType",
			 d->media_type ? d->media_type : MEDIA_OCI_MANIFEST, "digest",
			 d->digest.str, "size", (json_int_t)d->size);
}

/*
 * ref.name is the tag, as in docker's archives; an OCI layout has the full name, for skopeo and
 * umoci.
 */
static json_t *annotations_json(const struct save_name *name, enum save_format format)
{
	return json_pack("{s:s, s:s}", "io.containerd.image.name", name->full,
			 "org.opencontainers.image.ref.name",
			 format == SAVE_DOCKER_ARCHIVE ? name->tag : name->full);
}

static json_t *platform_json(const json_t *config)
{
	const char *os = json_str(config, "os"), *arch = json_str(config, "architecture");
	const char *variant = json_str(config, "variant");

	if (!os || !arch || !*os || !*arch)
		return NULL;
	return json_pack("{s:s, s:s, s:s*}", "architecture", arch, "os", os, "variant",
			 variant && *variant ? variant : NULL);
}

static int append_entry(json_t *manifests, const struct image *image, const struct save_name *name,
			enum save_format format)
{
	json_t *entry = descriptor_json(&image->desc);
	json_t *platform = platform_json(image->config);

	if (json_array_append_new(manifests, entry) < 0) {
		json_decref(platform);
		return -ENOMEM;
	}
	/*
	 * Without a name, entries with platforms would look like one image for several platforms.
	 */
	if (!name) {
		json_decref(platform);
		return 0;
	}
	if (platform && json_object_set_new(entry, "platform", platform) < 0)
		return -ENOMEM;
	return json_object_set_new(entry, "annotations", annotations_json(name, format)) < 0
		       ? -ENOMEM
		       : 0;
}

int save_json_index(const struct save_set *set, enum save_format format, struct buf *out)
{
	_cleanup_json_ json_t *manifests = json_array(), *j = NULL;
	size_t i, k;
	int r = 0;

	for (i = 0; i < set->n && r == 0; i++) {
		const struct save_image *image = &set->v[i];

		if (!image->n_names)
			r = append_entry(manifests, image->image, NULL, format);
		for (k = 0; k < image->n_names && r == 0; k++)
			r = append_entry(manifests, image->image, &image->names[k], format);
	}
	if (r < 0)
		return r;
	j = json_pack("{s:i, s:s, s:O}", "schemaVersion", 2, "mediaType", MEDIA_OCI_INDEX,
		      "manifests", manifests);
	return j ? json_text(j, out) : -ENOMEM;
}

static json_t *layers_json(const struct manifest *m)
{
	_cleanup_json_ json_t *layers = json_array();
	char path[DIGEST_MAX + 8];
	size_t i;

	for (i = 0; i < m->n_layers; i++) {
		blob_store_path(&m->layers[i].digest, path);
		if (json_array_append_new(layers, json_string(path)) < 0)
			return NULL;
	}
	return TAKE_PTR(layers);
}

static json_t *layer_sources_json(const struct image *image)
{
	_cleanup_json_ json_t *sources = json_object();
	size_t i;

	for (i = 0; i < image->manifest.n_layers; i++)
		if (json_object_set_new(sources, image->diff_ids[i].str,
					descriptor_json(&image->manifest.layers[i])) < 0)
			return NULL;
	return TAKE_PTR(sources);
}

static json_t *tags_json(const struct save_image *image)
{
	_cleanup_json_ json_t *tags = json_array();
	size_t i;

	if (!image->n_names)
		return json_null();
	for (i = 0; i < image->n_names; i++)
		if (json_array_append_new(tags, json_string(image->names[i].familiar)) < 0)
			return NULL;
	return TAKE_PTR(tags);
}

int save_json_manifest(const struct save_set *set, struct buf *out)
{
	_cleanup_json_ json_t *list = json_array();
	char config[DIGEST_MAX + 8];
	size_t i;

	for (i = 0; i < set->n; i++) {
		const struct save_image *image = &set->v[i];
		json_t *item;

		blob_store_path(&image->image->id, config);
		item = json_pack("{s:s, s:o, s:o, s:s*, s:o}", "Config", config, "RepoTags",
				 tags_json(image), "Layers", layers_json(&image->image->manifest),
				 "Parent", image->parent ? image->parent->str : NULL,
				 "LayerSources", layer_sources_json(image->image));
		if (json_array_append_new(list, item) < 0)
			return -ENOMEM;
	}
	return json_text(list, out);
}
