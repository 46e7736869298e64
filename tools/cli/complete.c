/*
 * Candidates for the word that is being typed: values that a table of options has, and names of the
 * store.
 */
#include "tools/cli/complete.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "store/container/container.h"
#include "store/disk/mounts.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/oci/reference.h"
#include "tools/cli/options.h"

#define SHORT_ID 12
/* Fewer digits are more likely to begin a name. */
#define ID_DIGITS_MIN 2

#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* What a word in capitals stands for. */
enum { FILES = 1, DIRS = 2, IMAGES = 4, CONTAINERS = 8, MOUNTS = 16 };

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

void complete_offer(const struct complete *c, const char *candidate, const char *help)
{
	if (begins(candidate, c->word + c->at))
		printf("%.*s%s\t%.*s\n", (int)c->at, c->word, candidate,
		       help ? (int)strcspn(help, "\n") : 0, help ? help : "");
}

void complete_options(const struct complete *c, const struct option_spec *table,
		      const struct option_spec *before)
{
	const struct option_spec *o;
	char text[64];

	for (o = table; o && o->kind != OPTION_END; o++) {
		if (!o->help)
			continue;
		snprintf(text, sizeof(text), "-%c", o->letter);
		if (o->letter && !options_find_letter(before, o->letter))
			complete_offer(c, text, o->help);
		snprintf(text, sizeof(text), "--%s", o->name ? o->name : "");
		if (o->name && !options_find(before, o->name, strlen(o->name)))
			complete_offer(c, text, o->help);
	}
}

/* --- names --- */

static void offer_reference(const struct complete *c, const struct ref *r)
{
	_cleanup_reference_ struct reference parsed = { 0 };
	struct buf pinned _cleanup_buf_ = BUF_INIT;
	_cleanup_free_ char *name = NULL, *repo = NULL;

	if (!r->name || reference_parse(r->name, &parsed, NULL) < 0)
		return;
	name = reference_familiar(&parsed);
	repo = reference_repo(&parsed);
	if (!name || !repo)
		return;
	if (parsed.tag)
		complete_offer(c, name, NULL);
	/* With a digest where one is being typed. */
	if (strchr(c->word + c->at, '@') && digest_is_set(&r->repo_digest) &&
	    buf_printf(&pinned, "%s@%s", repo, r->repo_digest.str) == 0)
		complete_offer(c, pinned.data, name);
}

static void offer_id(const struct complete *c, const struct ref *r)
{
	const char *word = c->word + c->at;
	char id[SHORT_ID + 1];

	if (!digest_is_set(&r->id))
		return;
	snprintf(id, sizeof(id), "%s", digest_hex(&r->id));
	if (begins(word, "sha256:"))
		complete_offer(c, r->id.str, r->name);
	else if (strlen(word) <= SHORT_ID)
		complete_offer(c, id, r->name);
	else
		complete_offer(c, digest_hex(&r->id), r->name);
}

static void offer_images(const struct complete *c)
{
	const char *word = c->word + c->at;
	_cleanup_refs_ struct refs refs = { 0 };
	bool ids = begins(word, "sha256:") || (strlen(word) >= ID_DIGITS_MIN &&
					       strspn(word, "0123456789abcdef") == strlen(word));
	size_t i, k;

	if (refs_read(c->store, &refs, NULL) < 0)
		return;
	for (i = 0; i < refs.n; i++) {
		offer_reference(c, &refs.v[i]);
		/* Once an image. */
		for (k = 0; k < i && !digest_eq(&refs.v[k].id, &refs.v[i].id); k++)
			;
		if (ids && k == i)
			offer_id(c, &refs.v[i]);
	}
}

static void offer_containers(const struct complete *c)
{
	char **names = NULL;
	size_t i;

	if (container_list(c->store, &names, NULL) < 0)
		return;
	for (i = 0; names[i]; i++)
		complete_offer(c, names[i], "container");
	container_list_free(names);
}

static void offer_mounts(const struct complete *c)
{
	char **dirs = mounts_dirs(c->store);
	size_t i;

	for (i = 0; dirs && dirs[i]; i++)
		if (strcspn(dirs[i], "\t\n") == strlen(dirs[i]))
			complete_offer(c, dirs[i], NULL);
	mounts_dirs_free(dirs);
}

static void offer_kinds(const struct complete *c, unsigned kinds)
{
	if (kinds & FILES)
		printf(":files %zu\n", c->at);
	if (kinds & DIRS)
		printf(":dirs %zu\n", c->at);
	if (c->store && (kinds & IMAGES))
		offer_images(c);
	if (c->store && (kinds & CONTAINERS))
		offer_containers(c);
	if (c->store && (kinds & MOUNTS))
		offer_mounts(c);
}

/* What a word of help such as "CONTAINER|IMAGE" or "REPO[:TAG]" stands for. */
static unsigned kinds_of(const char *text)
{
	static const struct {
		const char *part;
		unsigned kind;
	} parts[] = {
		{ "FILE", FILES },
		{ "DIR", DIRS },
		{ "IMAGE", IMAGES },
		{ "REPO", IMAGES },
		{ "CONTAINER", CONTAINERS },
		{ "MOUNTPOINT", MOUNTS },
		/* Whatever can be named. */
		{ "NAME...", IMAGES | CONTAINERS },
	};
	unsigned kinds = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(text, parts[i].part))
			kinds |= parts[i].kind;
	return kinds;
}

/* --- values --- */

/* One of an option's values: "ro", "uid=", "before=IMAGE", "FILE". */
static void offer_value(const struct complete *c, const char *value)
{
	struct complete behind = *c;
	char key[64];
	size_t n = strlen(value);

	while (n && strchr(CAPITALS, value[n - 1]))
		n--;
	snprintf(key, sizeof(key), "%.*s", (int)n, value);
	if (!value[n]) {
		complete_offer(c, value, NULL);
	} else if (begins(c->word + c->at, key)) {
		behind.at += n;
		offer_kinds(&behind, kinds_of(value + n));
	} else {
		complete_offer(c, key, NULL);
	}
}

/* Each of "a|b|c". */
static void offer_values(const struct complete *c, const char *values)
{
	char value[64];
	size_t n;

	for (; *values; values += n + (values[n] == '|')) {
		n = strcspn(values, "|");
		snprintf(value, sizeof(value), "%.*s", (int)n, values);
		offer_value(c, value);
	}
}

void complete_value(const struct complete *c, const struct option_spec *o)
{
	struct complete last = *c;
	const char *comma = strrchr(c->word + c->at, ',');

	if (o->commas && comma)
		last.at = (size_t)(comma + 1 - c->word);
	if (o->values)
		offer_values(&last, o->values);
	else if (o->arg && strcmp(o->arg, "NAME") != 0)
		offer_kinds(&last, kinds_of(o->arg));
}

void complete_argument(const struct complete *c, const char *arguments, size_t n)
{
	char text[64] = "";
	size_t i, len;

	for (i = 0; *arguments && i <= n; i++) {
		len = strcspn(arguments, " ");
		snprintf(text, sizeof(text), "%.*s", (int)len, arguments);
		arguments += len + strspn(arguments + len, " ");
	}
	/* A last "..." stands for any number. */
	if (i <= n && !strstr(text, "..."))
		return;
	if (strchr(text, '|') && strcspn(text, CAPITALS) == strlen(text))
		offer_values(c, text);
	else
		offer_kinds(c, kinds_of(text));
}
