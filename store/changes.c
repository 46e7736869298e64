/*
 * One function an instruction, and a table of them; the word splitting is a Dockerfile's.
 */
#include "store/changes.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "store/json.h"

struct change {
	json_t *config;
	const char *args; /* behind the instruction's word, trimmed */
	bool cmd_set;	  /* a CMD came in this run: ENTRYPOINT leaves it then */
	struct err *err;
};

/* ["a", "b"] as an array of strings, or NULL where args is not in that form. New reference. */
static json_t *exec_form(const char *args)
{
	json_t *j, *item;
	size_t i;

	if (*args != '[')
		return NULL;
	j = json_loads(args, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(j)) {
		json_decref(j);
		return NULL;
	}
	json_array_foreach(j, i, item)
	{
		if (!json_is_string(item)) {
			json_decref(j);
			return NULL;
		}
	}
	return j;
}

static json_t *command(const char *args)
{
	json_t *j = exec_form(args);

	return j ? j : json_pack("[s, s, s]", "/bin/sh", "-c", args);
}

static int set(struct change *c, const char *key, json_t *value)
{
	if (!value || json_object_set_new(c->config, key, value) < 0)
		return err_nomem(c->err);
	return 0;
}

/* The member key, made an object where it is not one yet. Borrowed. */
static json_t *object(struct change *c, const char *key)
{
	json_t *o = json_object_get(c->config, key);

	if (json_is_object(o))
		return o;
	if (json_object_set_new(c->config, key, json_object()) < 0)
		return NULL;
	return json_object_get(c->config, key);
}

static json_t *array(struct change *c, const char *key)
{
	json_t *a = json_object_get(c->config, key);

	if (json_is_array(a))
		return a;
	if (json_object_set_new(c->config, key, json_array()) < 0)
		return NULL;
	return json_object_get(c->config, key);
}

/*
 * The next word of *s with its quotes and backslashes taken off; 1, 0 at the
 * end, -EINVAL at a quote that is never closed, -ENOMEM.
 */
static int next_word(const char **s, struct buf *word)
{
	char quote = '\0';
	const char *p = *s;

	while (isspace((unsigned char)*p))
		p++;
	buf_clear(word);
	if (!*p)
		return 0;
	for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
		if (quote && *p == quote) {
			quote = '\0';
			continue;
		}
		if (!quote && (*p == '"' || *p == '\'')) {
			quote = *p;
			continue;
		}
		if (*p == '\\' && quote != '\'' && p[1])
			p++;
		if (buf_putc(word, *p) < 0)
			return -ENOMEM;
	}
	*s = p;
	return quote ? -EINVAL : 1;
}

static int put_env(struct change *c, const char *name, size_t name_len, const char *value)
{
	json_t *env = array(c, "Env"), *item;
	struct buf pair _cleanup_buf_ = BUF_INIT;
	size_t i;

	if (!env || buf_append(&pair, name, name_len) < 0 || buf_putc(&pair, '=') < 0 ||
	    buf_puts(&pair, value) < 0)
		return err_nomem(c->err);
	json_array_foreach(env, i, item)
	{
		const char *have = json_string_value(item);

		if (have && strncmp(have, pair.data, name_len + 1) == 0)
			return json_array_set_new(env, i, json_string(pair.data)) < 0
				       ? err_nomem(c->err)
				       : 0;
	}
	return json_array_append_new(env, json_string(pair.data)) < 0 ? err_nomem(c->err) : 0;
}

static int put_label(struct change *c, const char *name, size_t name_len, const char *value)
{
	_cleanup_free_ char *key = strndup(name, name_len);
	json_t *labels = object(c, "Labels");

	if (!key || !labels || json_object_set_new(labels, key, json_string(value)) < 0)
		return err_nomem(c->err);
	return 0;
}

/* NAME=VALUE ..., or the old form NAME VALUE with one pair. */
static int pairs(struct change *c, const char *what,
		 int (*put)(struct change *, const char *, size_t, const char *))
{
	struct buf word _cleanup_buf_ = BUF_INIT;
	const char *s = c->args;
	bool first = true;
	int r;

	while ((r = next_word(&s, &word)) > 0) {
		const char *eq = strchr(buf_str(&word), '=');

		if (!eq && first) {
			while (isspace((unsigned char)*s))
				s++;
			if (!*s)
				return err_set(c->err, EINVAL, "%s must have two arguments", what);
			return put(c, word.data, word.len, s);
		}
		if (!eq)
			return err_set(c->err, EINVAL, "%s: \"%s\" is not in the form NAME=VALUE",
				       what, buf_str(&word));
		if (eq == word.data)
			return err_set(c->err, EINVAL, "%s names can not be blank", what);
		r = put(c, word.data, (size_t)(eq - word.data), eq + 1);
		if (r < 0)
			return r;
		first = false;
	}
	if (r < 0)
		return r == -EINVAL ? err_set(c->err, EINVAL, "%s: unterminated quote", what)
				    : err_nomem(c->err);
	return 0;
}

static int do_cmd(struct change *c)
{
	json_t *cmd = command(c->args);

	/* docker takes an empty list for none given: the base's command stays. */
	if (json_is_array(cmd) && json_array_size(cmd) == 0) {
		json_decref(cmd);
		return 0;
	}
	c->cmd_set = true;
	return set(c, "Cmd", cmd);
}

static int do_entrypoint(struct change *c)
{
	if (!c->cmd_set)
		json_object_del(c->config, "Cmd");
	return set(c, "Entrypoint", command(c->args));
}

static int do_env(struct change *c)
{
	return pairs(c, "ENV", put_env);
}

static int do_label(struct change *c)
{
	return pairs(c, "LABEL", put_label);
}

/* A port or a range of them, FIRST-LAST, as the numbers that it stands for. */
static int parse_ports(char *text, uint64_t *first, uint64_t *last)
{
	char *dash = strchr(text, '-');
	int r;

	if (dash)
		*dash = '\0';
	r = text_parse_u64(text, 65535, first);
	*last = *first;
	if (r == 0 && dash)
		r = text_parse_u64(dash + 1, 65535, last);
	return r < 0 || *first == 0 || *last < *first ? -EINVAL : 0;
}

static int add_ports(struct change *c, json_t *ports, const char *word)
{
	_cleanup_free_ char *text = strdup(word);
	char *slash = text ? strchr(text, '/') : NULL;
	const char *proto = "tcp";
	uint64_t n, last;

	if (!text)
		return err_nomem(c->err);
	if (slash) {
		*slash = '\0';
		proto = slash + 1;
	}
	if (parse_ports(text, &n, &last) < 0 ||
	    (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0 && strcmp(proto, "sctp") != 0))
		return err_set(c->err, EINVAL, "invalid containerPort: %s", word);
	for (; n <= last; n++) {
		char key[32];

		snprintf(key, sizeof(key), "%u/%s", (unsigned)n, proto);
		if (json_object_set_new(ports, key, json_object()) < 0)
			return err_nomem(c->err);
	}
	return 0;
}

static int do_expose(struct change *c)
{
	json_t *ports = object(c, "ExposedPorts");
	struct buf word _cleanup_buf_ = BUF_INIT;
	const char *s = c->args;
	int r;

	if (!ports)
		return err_nomem(c->err);
	while ((r = next_word(&s, &word)) > 0) {
		r = add_ports(c, ports, buf_str(&word));
		if (r < 0)
			return r;
	}
	return r < 0 ? err_set(c->err, EINVAL, "EXPOSE: unterminated quote") : 0;
}

static int do_volume(struct change *c)
{
	_cleanup_json_ json_t *list = exec_form(c->args);
	json_t *volumes = object(c, "Volumes"), *item;
	struct buf word _cleanup_buf_ = BUF_INIT;
	const char *s = c->args;
	size_t i;
	int r;

	if (!volumes)
		return err_nomem(c->err);
	if (list) {
		json_array_foreach(list, i, item)
		{
			if (json_object_set_new(volumes, json_string_value(item), json_object()) <
			    0)
				return err_nomem(c->err);
		}
		return 0;
	}
	while ((r = next_word(&s, &word)) > 0)
		if (json_object_set_new(volumes, buf_str(&word), json_object()) < 0)
			return err_nomem(c->err);
	return r < 0 ? err_set(c->err, EINVAL, "VOLUME: unterminated quote") : 0;
}

static int do_user(struct change *c)
{
	return set(c, "User", json_string(c->args));
}

/* A relative directory is below the one that holds now. */
static int do_workdir(struct change *c)
{
	const char *old = json_str(c->config, "WorkingDir");
	struct buf dir _cleanup_buf_ = BUF_INIT;

	if (c->args[0] != '/' && (buf_puts(&dir, old && *old ? old : "/") < 0 ||
				  (dir.data[dir.len - 1] != '/' && buf_putc(&dir, '/') < 0)))
		return err_nomem(c->err);
	if (buf_puts(&dir, c->args) < 0)
		return err_nomem(c->err);
	while (dir.len > 1 && dir.data[dir.len - 1] == '/')
		dir.data[--dir.len] = '\0';
	return set(c, "WorkingDir", json_string(dir.data));
}

static int do_onbuild(struct change *c)
{
	json_t *list = array(c, "OnBuild");

	if (strncasecmp(c->args, "ONBUILD", 7) == 0)
		return err_set(c->err, EINVAL,
			       "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	if (!list || json_array_append_new(list, json_string(c->args)) < 0)
		return err_nomem(c->err);
	return 0;
}

static int do_stopsignal(struct change *c)
{
	return set(c, "StopSignal", json_string(c->args));
}

/* A duration as Go writes it, "1m30s" or "1.5h", in ns. */
static int parse_duration(const char *s, json_int_t *out)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ns", 1 },  { "us", 1e3 }, { "ms", 1e6 },
		      { "s", 1e9 }, { "m", 6e10 }, { "h", 3.6e12 } };
	double sum = 0;

	if (!*s)
		return -EINVAL;
	while (*s) {
		size_t digits = strspn(s, "0123456789."), len, i;
		double n;
		char *end;

		n = strtod(s, &end);
		if (digits == 0 || end != s + digits)
			return -EINVAL;
		s = end;
		len = strcspn(s, "0123456789.");
		for (i = 0; i < ARRAY_SIZE(units); i++)
			if (strlen(units[i].name) == len && strncmp(s, units[i].name, len) == 0)
				break;
		if (i == ARRAY_SIZE(units))
			return -EINVAL;
		sum += n * units[i].ns;
		s += len;
	}
	/* docker's bound below; above, what an int64 of ns holds. */
	if (sum < 1e6 || sum > 9e18)
		return -EINVAL;
	*out = (json_int_t)sum;
	return 0;
}

/* One --NAME=VALUE of a HEALTHCHECK. */
static int health_option(struct change *c, json_t *check, const char *word)
{
	static const struct {
		const char *name, *key;
	} durations[] = { { "--interval=", "Interval" },
			  { "--timeout=", "Timeout" },
			  { "--start-period=", "StartPeriod" } };
	json_int_t ns;
	uint64_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(durations); i++) {
		size_t len = strlen(durations[i].name);

		if (strncmp(word, durations[i].name, len) != 0)
			continue;
		if (parse_duration(word + len, &ns) < 0)
			return err_set(c->err, EINVAL,
				       "HEALTHCHECK: no duration of 1ms or more: %s", word);
		return json_object_set_new(check, durations[i].key, json_integer(ns)) < 0
			       ? err_nomem(c->err)
			       : 0;
	}
	if (strncmp(word, "--retries=", 10) != 0)
		return err_set(c->err, EINVAL, "HEALTHCHECK: unknown option: %s", word);
	if (text_parse_u64(word + 10, INT32_MAX, &n) < 0 || n == 0)
		return err_set(c->err, EINVAL, "HEALTHCHECK: retries must be at least 1: %s", word);
	return json_object_set_new(check, "Retries", json_integer((json_int_t)n)) < 0
		       ? err_nomem(c->err)
		       : 0;
}

/* HEALTHCHECK NONE, or options and CMD with a command. */
static int do_healthcheck(struct change *c)
{
	_cleanup_json_ json_t *check = json_object();
	struct buf word _cleanup_buf_ = BUF_INIT;
	const char *args = c->args;
	json_t *test;
	int r;

	if (!check)
		return err_nomem(c->err);
	while (strncmp(args, "--", 2) == 0) {
		size_t len = strcspn(args, " \t");

		buf_clear(&word);
		if (buf_append(&word, args, len) < 0)
			return err_nomem(c->err);
		r = health_option(c, check, buf_str(&word));
		if (r < 0)
			return r;
		args += len;
		args += strspn(args, " \t");
	}
	if (strcasecmp(args, "NONE") == 0 && json_object_size(check) == 0) {
		test = json_pack("[s]", "NONE");
	} else if (strncasecmp(args, "CMD ", 4) == 0) {
		args += 4 + strspn(args + 4, " \t");
		test = exec_form(args);
		if (test)
			json_array_insert_new(test, 0, json_string("CMD"));
		else
			test = json_pack("[s, s]", "CMD-SHELL", args);
	} else {
		return err_set(c->err, EINVAL, "HEALTHCHECK takes NONE, or CMD and a command");
	}
	if (!test || json_object_set_new(check, "Test", test) < 0)
		return err_nomem(c->err);
	return set(c, "Healthcheck", TAKE_PTR(check));
}

static const struct {
	const char *word;
	int (*apply)(struct change *c);
} instructions_known[] = {
	{ "CMD", do_cmd },	   { "ENTRYPOINT", do_entrypoint },   { "ENV", do_env },
	{ "EXPOSE", do_expose },   { "HEALTHCHECK", do_healthcheck }, { "LABEL", do_label },
	{ "ONBUILD", do_onbuild }, { "STOPSIGNAL", do_stopsignal },   { "USER", do_user },
	{ "VOLUME", do_volume },   { "WORKDIR", do_workdir },
};

static int apply(struct change *c, const char *instruction)
{
	_cleanup_free_ char *copy = NULL;
	size_t word, len, i;

	instruction += strspn(instruction, " \t\n");
	word = strcspn(instruction, " \t\n");
	copy = strdup(instruction + word + strspn(instruction + word, " \t\n"));
	if (!copy)
		return err_nomem(c->err);
	for (len = strlen(copy); len && isspace((unsigned char)copy[len - 1]); len--)
		copy[len - 1] = '\0';
	c->args = copy;
	for (i = 0; i < ARRAY_SIZE(instructions_known); i++) {
		const char *known = instructions_known[i].word;

		if (strlen(known) != word || strncasecmp(known, instruction, word) != 0)
			continue;
		if (!*copy)
			return err_set(c->err, EINVAL, "%s requires at least one argument", known);
		return instructions_known[i].apply(c);
	}
	return err_set(c->err, EINVAL, "%.*s is not a valid change command", (int)MIN(word, 60u),
		       instruction);
}

int changes_apply(struct json_t *config, const char *const *instructions, size_t n, struct err *err)
{
	struct change c = { .config = config, .err = err };
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		r = apply(&c, instructions[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
