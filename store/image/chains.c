/*
 * Chains are compared by diff ID from the lowest layer up; nothing is hashed. A config is parsed
 * only if it can change the result.
 */
#include "store/image/chains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "store/disk/blob.h"

/* True if the config may share more of a chain. Hex digits may be JSON escapes. */
static bool tells_more(const char *text, const struct chain *v, size_t n)
{
	size_t i;

	if (strstr(text, "\\u00"))
		return true;
	for (i = 0; i < n; i++)
		if (v[i].retained < v[i].n &&
		    strstr(text, digest_hex(&v[i].diff_ids[v[i].retained])))
			return true;
	return false;
}

static void compare(struct chain *c, const json_t *diff_ids)
{
	size_t i, n = MIN(c->n, json_array_size(diff_ids));

	for (i = 0; i < n; i++) {
		const char *id = json_string_value(json_array_get(diff_ids, i));

		if (!id || strcmp(id, c->diff_ids[i].str) != 0)
			break;
	}
	if (i > c->retained)
		c->retained = i;
}

static bool all_retained(const struct chain *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].retained < v[i].n)
			return false;
	return true;
}

int chains_retain(struct store *s, const struct digest *id, struct chain *v, size_t n)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	_cleanup_json_ json_t *config = NULL;
	size_t i;
	int r;

	if (all_retained(v, n))
		return 0;
	r = blob_get(s, NULL, id, BLOB_JSON_MAX, &text, NULL);
	if (r < 0)
		return r;
	if (!tells_more(buf_str(&text), v, n))
		return 0;
	r = json_parse(buf_str(&text), text.len, "image config", &config, NULL);
	if (r < 0)
		return r;
	for (i = 0; i < n; i++)
		compare(&v[i], json_object_get(json_object_get(config, "rootfs"), "diff_ids"));
	return 0;
}
