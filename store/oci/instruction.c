/* A table of instructions with one function each. */
#include "store/oci/instruction.h"

#include <arpa/inet.h>
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
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "store/oci/dockerfile.h"
#include "store/oci/shell_word.h"

struct change {
	json_t *config;
	struct instruction in;
	char escape;
	bool cmd_set; /* CMD was set explicitly: ENTRYPOINT keeps it */
	struct err *err;
};

/* The exec form unchanged, the shell form as an argument of the shell; NULL if empty. */
static json_t *command(const struct change *c)
{
	if (c->in.json || json_array_size(c->in.args) == 0)
		return json_incref(c->in.args);
	return json_pack("[s, s, O]", "/bin/sh", "-c", json_array_get(c->in.args, 0));
}

static int set(struct change *c, const char *key, json_t *value)
{
	if (!value || json_object_set_new(c->config, key, value) < 0)
		return err_nomem(c->err);
	return 0;
}

/* The member key, created or replaced if it is not an object. Borrowed. */
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

/* Expand the variables of an argument; out is cleared first. */
static int expand(struct change *c, const json_t *arg, struct buf *out)
{
	buf_clear(out);
	return shell_word_expand(json_string_value(arg), c->escape,
				 json_object_get(c->config, "Env"), out, c->err);
}

static int put_env(struct change *c, const char *name, const char *value)
{
	json_t *env = array(c, "Env"), *item;
	struct buf pair _cleanup_buf_ = BUF_INIT;
	size_t len = strlen(name), i;

	if (!env || buf_printf(&pair, "%s=%s", name, value) < 0)
		return err_nomem(c->err);
	json_array_foreach(env, i, item) {
		const char *have = json_string_value(item);

		if (have && strncmp(have, pair.data, len) == 0 && (have[len] == '=' || !have[len]))
			return json_array_set_new(env, i, json_string(pair.data)) < 0
				       ? err_nomem(c->err)
				       : 0;
	}
	return json_array_append_new(env, json_string(pair.data)) < 0 ? err_nomem(c->err) : 0;
}

static int put_label(struct change *c, const char *name, const char *value)
{
	json_t *labels = object(c, "Labels");

	if (!labels || json_object_set_new(labels, name, json_string(value)) < 0)
		return err_nomem(c->err);
	return 0;
}

/*
 * All pairs are expanded before the first is set: variables have their values from before the
 * instruction.
 */
static int pairs(struct change *c, int (*put)(struct change *, const char *, const char *))
{
	_cleanup_json_ json_t *words = json_array();
	struct buf word _cleanup_buf_ = BUF_INIT;
	const json_t *arg;
	size_t i;
	int r = 0;

	if (!words)
		return err_nomem(c->err);
	json_array_foreach(c->in.args, i, arg) {
		if (i % 2 == 0 && !json_string_length(arg))
			return err_set(c->err, EINVAL, "%s names can not be blank", c->in.word);
		r = expand(c, arg, &word);
		if (r < 0)
			return r;
		if (json_array_append_new(words, json_string(buf_str(&word))) < 0)
			return err_nomem(c->err);
	}
	for (i = 0; i + 1 < json_array_size(words) && r == 0; i += 2)
		r = put(c, json_string_value(json_array_get(words, i)),
			json_string_value(json_array_get(words, i + 1)));
	return r;
}

static int do_cmd(struct change *c)
{
	c->cmd_set |= json_array_size(c->in.args) > 0;
	return set(c, "Cmd", command(c));
}

static int do_entrypoint(struct change *c)
{
	if (!c->cmd_set)
		json_object_del(c->config, "Cmd");
	return set(c, "Entrypoint", command(c));
}

static int do_env(struct change *c)
{
	return pairs(c, put_env);
}

static int do_label(struct change *c)
{
	return pairs(c, put_label);
}

/* Parse a port or a range FIRST-LAST. */
static int parse_ports(const char *text, uint64_t *first, uint64_t *last)
{
	_cleanup_free_ char *copy = strdup(text);
	char *dash = copy ? strchr(copy, '-') : NULL;
	int r;

	if (!copy)
		return -ENOMEM;
	if (dash)
		*dash = '\0';
	r = text_parse_u64(copy, 65535, first);
	*last = *first;
	if (r == 0 && dash)
		r = text_parse_u64(dash + 1, 65535, last);
	return r < 0 || *last < *first ? -EINVAL : 0;
}

/* [IP:]PORTS is the host's part of a published port. It is validated but not stored. */
static int check_host(struct change *c, char *host, uint64_t n)
{
	char *ports = strrchr(host, ':'), *ip = ports ? host : NULL, *end;
	unsigned char address[16];
	uint64_t first, last;
	int r;

	if (ports)
		*ports++ = '\0';
	else
		ports = host;
	r = *ports ? parse_ports(ports, &first, &last) : 0;
	if (r == -ENOMEM)
		return err_nomem(c->err);
	if (r < 0)
		return err_set(c->err, EINVAL, "invalid hostPort: %s", ports);
	if (*ports && n > 1 && last - first + 1 != n)
		return err_set(c->err, EINVAL,
			       "invalid ranges specified for container and host Ports: %s", ports);
	if (ip && *ip == '[' && (end = strchr(ip, ']')) && !end[1]) {
		*end = '\0';
		ip++;
	}
	if (ip && *ip && inet_pton(AF_INET, ip, address) != 1 &&
	    inet_pton(AF_INET6, ip, address) != 1)
		return err_set(c->err, EINVAL, "invalid IP address: %s", ip);
	return 0;
}

/* [[IP:]HOSTPORTS:]PORTS[/PROTOCOL] */
static int add_ports(struct change *c, json_t *ports, const char *word)
{
	_cleanup_free_ char *text = strdup(word);
	char *colon = text ? strrchr(text, ':') : NULL, *port = colon ? colon + 1 : text, *slash;
	const char *proto = "tcp";
	uint64_t n, last;
	int r;

	if (!text)
		return err_nomem(c->err);
	slash = strchr(port, '/');
	if (slash) {
		*slash = '\0';
		proto = slash[1] ? slash + 1 : proto;
		for (; *++slash;)
			*slash = (char)tolower((unsigned char)*slash);
	}
	if (!*port)
		return err_set(c->err, EINVAL, "no port specified: %s<empty>", word);
	if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0 && strcmp(proto, "sctp") != 0)
		return err_set(c->err, EINVAL, "invalid proto: %s", proto);
	r = parse_ports(port, &n, &last);
	if (r == -ENOMEM)
		return err_nomem(c->err);
	if (r < 0)
		return err_set(c->err, EINVAL, "invalid containerPort: %s", port);
	if (colon) {
		*colon = '\0';
		r = check_host(c, text, last - n + 1);
		if (r < 0)
			return r;
	}
	for (; n <= last; n++) {
		char key[32];

		snprintf(key, sizeof(key), "%u/%s", (unsigned)n, proto);
		if (json_object_set_new(ports, key, json_object()) < 0)
			return err_nomem(c->err);
	}
	return 0;
}

/* EXPOSE is the only instruction in which a variable may expand to several words. */
static int do_expose(struct change *c)
{
	_cleanup_json_ json_t *words = json_array();
	json_t *ports = object(c, "ExposedPorts"), *env = json_object_get(c->config, "Env");
	const json_t *arg;
	size_t i;
	int r = 0;

	if (!ports || !words)
		return err_nomem(c->err);
	json_array_foreach(c->in.args, i, arg) {
		r = shell_word_split(json_string_value(arg), c->escape, env, words, c->err);
		if (r < 0)
			return r;
	}
	json_array_foreach(words, i, arg) {
		r = add_ports(c, ports, json_string_value(arg));
		if (r < 0)
			return r;
	}
	return 0;
}

static int do_volume(struct change *c)
{
	struct buf word _cleanup_buf_ = BUF_INIT;
	json_t *volumes = object(c, "Volumes");
	const json_t *arg;
	size_t i;
	int r;

	if (!volumes)
		return err_nomem(c->err);
	json_array_foreach(c->in.args, i, arg) {
		r = expand(c, arg, &word);
		if (r < 0)
			return r;
		if (!buf_str(&word)[strspn(buf_str(&word), " \t")])
			return err_set(c->err, EINVAL,
				       "VOLUME specified can not be an empty string");
		if (json_object_set_new(volumes, word.data, json_object()) < 0)
			return err_nomem(c->err);
	}
	return 0;
}

static int do_user(struct change *c)
{
	struct buf user _cleanup_buf_ = BUF_INIT;
	int r = expand(c, json_array_get(c->in.args, 0), &user);

	return r < 0 ? r : set(c, "User", json_string(buf_str(&user)));
}

/* A relative directory is below the current one; an absolute one is stored as written. */
static int do_workdir(struct change *c)
{
	const char *old = json_str(c->config, "WorkingDir");
	struct buf path _cleanup_buf_ = BUF_INIT, whole _cleanup_buf_ = BUF_INIT;
	int r = expand(c, json_array_get(c->in.args, 0), &path);

	if (r < 0)
		return r;
	if (!path.len)
		return err_set(c->err, EINVAL, "WORKDIR: cannot normalize nothing");
	if (path.data[0] == '/')
		return set(c, "WorkingDir", json_string(path.data));
	if (buf_printf(&whole, "/%s/%s", old ? old : "", path.data) < 0)
		return err_nomem(c->err);
	path_clean(whole.data);
	return set(c, "WorkingDir", json_string(whole.data));
}

/* The trigger is stored as written and expanded by a later build. */
static int do_onbuild(struct change *c)
{
	const char *trigger = json_string_value(json_array_get(c->in.args, 0)), *text;
	json_t *list = array(c, "OnBuild");

	if (strcmp(trigger, "ONBUILD") == 0)
		return err_set(c->err, EINVAL,
			       "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	if (strcmp(trigger, "FROM") == 0 || strcmp(trigger, "MAINTAINER") == 0)
		return err_set(c->err, EINVAL, "%s isn't allowed as an ONBUILD trigger", trigger);
	text = c->in.line + strlen("ONBUILD");
	text += strspn(text, " \t\v\f\r");
	if (!list || json_array_append_new(list, json_string(text)) < 0)
		return err_nomem(c->err);
	return 0;
}

/* A number other than 0, or a Linux signal name in any case, with or without SIG. */
static bool is_signal(const char *s)
{
	static const char *const names[] = {
		"ABRT", "ALRM",	  "BUS",  "CHLD",   "CLD",   "CONT", "FPE",  "HUP",   "ILL",
		"INT",	"IO",	  "IOT",  "KILL",   "PIPE",  "POLL", "PROF", "PWR",   "QUIT",
		"SEGV", "STKFLT", "STOP", "SYS",    "TERM",  "TRAP", "TSTP", "TTIN",  "TTOU",
		"URG",	"USR1",	  "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX",
	};
	uint64_t n;
	size_t i;

	if (text_parse_u64(s + (*s == '-' || *s == '+'), INT32_MAX, &n) == 0)
		return n != 0;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	if (strncasecmp(s, "RTMIN+", 6) == 0)
		return text_parse_u64(s + 6, 15, &n) == 0 && n > 0 && s[6] != '0';
	if (strncasecmp(s, "RTMAX-", 6) == 0)
		return text_parse_u64(s + 6, 14, &n) == 0 && n > 0 && s[6] != '0';
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(s, names[i]) == 0)
			return true;
	return false;
}

static int do_stopsignal(struct change *c)
{
	struct buf name _cleanup_buf_ = BUF_INIT;
	int r = expand(c, json_array_get(c->in.args, 0), &name);

	if (r < 0)
		return r;
	if (!is_signal(buf_str(&name)))
		return err_set(c->err, EINVAL, "STOPSIGNAL: invalid signal: %s", buf_str(&name));
	return set(c, "StopSignal", json_string(name.data));
}

/* Parse a Go duration ("1m30s", "1.5h") as nanoseconds. */
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
	if (strcmp(s, "0") == 0) {
		*out = 0;
		return 0;
	}
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
	/*
	 * At least 1 ms, as in docker, or 0 for the default; at most what an int64 of ns holds.
	 */
	if (sum > 9e18)
		return -ERANGE;
	if (sum < 1e6 && sum != 0)
		return -EINVAL;
	*out = (json_int_t)sum;
	return 0;
}

/* Apply an option of HEALTHCHECK, --NAME=VALUE. */
static int health_option(struct change *c, json_t *check, const char *word)
{
	static const struct {
		const char *name, *key;
	} durations[] = { { "--interval=", "Interval" },
			  { "--timeout=", "Timeout" },
			  { "--start-period=", "StartPeriod" },
			  { "--start-interval=", "StartInterval" } };
	json_int_t ns;
	uint64_t n;
	size_t i;
	int r;

	for (i = 0; i < ARRAY_SIZE(durations); i++) {
		size_t len = strlen(durations[i].name);

		if (strncmp(word, durations[i].name, len) != 0)
			continue;
		r = parse_duration(word + len, &ns);
		if (r == -ERANGE)
			return err_set(c->err, EINVAL, "HEALTHCHECK: too long: %s", word);
		if (r < 0)
			return err_set(c->err, EINVAL,
				       "HEALTHCHECK: not a duration of 1ms or more: %s", word);
		if (ns == 0)
			return 0;
		return json_object_set_new(check, durations[i].key, json_integer(ns)) < 0
			       ? err_nomem(c->err)
			       : 0;
	}
	if (strncmp(word, "--retries=", 10) != 0)
		return err_set(c->err, EINVAL, "unknown flag: %s", word);
	if (text_parse_u64(word + 10, INT32_MAX, &n) < 0)
		return err_set(c->err, EINVAL, "HEALTHCHECK: invalid number of retries: %s", word);
	return n && json_object_set_new(check, "Retries", json_integer((json_int_t)n)) < 0
		       ? err_nomem(c->err)
		       : 0;
}

/* HEALTHCHECK NONE, or options and CMD with a command. */
static int do_healthcheck(struct change *c)
{
	const char *type = json_string_value(json_array_get(c->in.args, 0));
	_cleanup_json_ json_t *check = json_object(), *test = json_deep_copy(c->in.args);
	const json_t *flag;
	size_t i;
	int r;

	if (!check || !test)
		return err_nomem(c->err);
	if (strcasecmp(type, "NONE") == 0) {
		if (json_array_size(test) > 1)
			return err_set(c->err, EINVAL, "HEALTHCHECK NONE takes no arguments");
		type = "NONE";
	} else if (strcasecmp(type, "CMD") == 0) {
		if (json_array_size(test) == 1)
			return err_set(c->err, EINVAL, "Missing command after HEALTHCHECK CMD");
		json_array_foreach(c->in.flags, i, flag) {
			r = health_option(c, check, json_string_value(flag));
			if (r < 0)
				return r;
		}
		type = c->in.json ? "CMD" : "CMD-SHELL";
	} else {
		return err_set(c->err, EINVAL, "Unknown type \"%s\" in HEALTHCHECK (try CMD)",
			       type);
	}
	if (json_array_set_new(test, 0, json_string(type)) < 0 ||
	    json_object_set(check, "Test", test) < 0)
		return err_nomem(c->err);
	return set(c, "Healthcheck", TAKE_PTR(check));
}

enum { ANY, SOME, ONE };

static const struct {
	const char *word;
	int (*apply)(struct change *c);
	int args; /* allowed number of arguments */
} known[] = {
	{ "CMD", do_cmd, ANY },
	{ "ENTRYPOINT", do_entrypoint, ANY },
	{ "ENV", do_env, SOME },
	{ "EXPOSE", do_expose, SOME },
	{ "HEALTHCHECK", do_healthcheck, SOME },
	{ "LABEL", do_label, SOME },
	{ "ONBUILD", do_onbuild, SOME },
	{ "STOPSIGNAL", do_stopsignal, ONE },
	{ "USER", do_user, ONE },
	{ "VOLUME", do_volume, SOME },
	{ "WORKDIR", do_workdir, ONE },
};

static int apply(struct change *c)
{
	size_t n = json_array_size(c->in.args), i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		const char *flag = json_string_value(json_array_get(c->in.flags, 0));

		if (strcmp(known[i].word, c->in.word) != 0)
			continue;
		if (known[i].args == SOME && n == 0)
			return err_set(c->err, EINVAL, "%s requires at least one argument",
				       c->in.word);
		if (known[i].args == ONE && n != 1)
			return err_set(c->err, EINVAL, "%s requires exactly one argument",
				       c->in.word);
		if (flag && known[i].apply != do_healthcheck)
			return err_set(c->err, EINVAL, "unknown flag: %s", flag);
		return known[i].apply(c);
	}
	return err_set(c->err, EINVAL, "%.60s is not a valid change command", c->in.word);
}

int instructions_apply(json_t *config, const char *const *instructions, size_t n, struct err *err)
{
	struct change c = { .config = config, .err = err };
	struct buf text _cleanup_buf_ = BUF_INIT;
	struct dockerfile file;
	bool any = false;
	size_t i;
	int r;

	if (n == 0)
		return 0;
	for (i = 0; i < n; i++) {
		if (!text_is_utf8(instructions[i]))
			return err_set(err, EINVAL, "--change: not valid UTF-8");
		if (buf_puts(&text, instructions[i]) < 0 || buf_putc(&text, '\n') < 0)
			return err_nomem(err);
	}
	dockerfile_begin(&file, text.data);
	while ((r = dockerfile_next(&file, &c.in, err)) > 0) {
		any = true;
		c.escape = file.escape;
		r = apply(&c);
		instruction_fini(&c.in);
		if (r < 0)
			return r;
	}
	if (r == 0 && !any)
		return err_set(err, EINVAL, "--change: no instruction");
	return r;
}

static bool is_empty(const json_t *j)
{
	return json_array_size(j) == 0 && json_object_size(j) == 0 && json_string_length(j) == 0 &&
	       json_integer_value(j) == 0;
}

/* Copy a member that is empty in config from base. */
static int inherit(json_t *config, const json_t *base, const char *key)
{
	json_t *value = json_object_get(base, key);

	if (!is_empty(json_object_get(config, key)) || is_empty(value))
		return 0;
	return json_object_set(config, key, value) < 0 ? -ENOMEM : 0;
}

int instructions_inherit(json_t *config, const json_t *base, struct err *err)
{
	static const char *const keys[] = { "Test",	   "Interval",	    "Timeout",
					    "StartPeriod", "StartInterval", "Retries" };
	json_t *check = json_object_get(config, "Healthcheck");
	const json_t *base_check = json_object_get(base, "Healthcheck");
	size_t i;
	int r = inherit(config, base, "User");

	if (r == 0 && is_empty(json_object_get(config, "Entrypoint")))
		r = inherit(config, base, "Cmd");
	for (i = 0; i < ARRAY_SIZE(keys) && check && r == 0; i++)
		r = inherit(check, base_check, keys[i]);
	return r < 0 ? err_nomem(err) : 0;
}
