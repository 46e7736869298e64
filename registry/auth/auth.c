/*
 * Two tables: the answer for each (server, scope), and tokens by (realm, service, scope, user),
 * which servers and scopes may share. The first thread that needs a token fetches it, while the
 * others wait for the result.
 */
#include "registry/auth/auth.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "registry/auth/challenge.h"
#include "registry/auth/cred.h"
#include "registry/auth/creds.h"
#include "registry/auth/realm.h"
#include "registry/auth/token.h"
#include "registry/config/hosts.h"

#define MAX_SCOPE (16 * 1024)
#define MAX_SERVICE 1024
/* A token is replaced this many seconds before it expires, or after 4/5 of its life if shorter. */
#define MARGIN_MAX 30

/* Credentials of a registry's key and repository; immutable. */
struct known {
	struct cred cred;
	bool none;
};

struct source {
	struct realm realm;
	struct endpoint endpoint;  /* of the realm */
	struct endpoints resolved; /* owns the endpoint's strings */
	char *ca_pem;
	char *service, *scope;
	const struct cred *cred; /* NULL: anonymous */
	bool withheld;		 /* there is a password that may not be sent there */

	/* Protected by the lock. */
	char *header; /* NULL: no token yet */
	int64_t expires;
	bool fetching;
	int r; /* result of the last fetch */
	struct err err;
};

/* The answer to a challenge: a source of tokens, or a fixed value. */
struct answer {
	struct source *source;
	char *basic;
};

struct auth {
	struct http *http;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct map answers; /* "host\nscope" */
	struct map sources; /* "realm\nservice\nscope\nuser" */
	pthread_mutex_t creds_lock;
	struct map creds; /* "key/path" */
	struct known *forced;
	char *identity;
};

static void known_free(void *p)
{
	struct known *k = p;

	cred_fini(&k->cred);
	free(k);
}

static void source_free(void *p)
{
	struct source *s = p;

	realm_fini(&s->realm);
	endpoints_fini(&s->resolved);
	free(s->ca_pem);
	free(s->service);
	free(s->scope);
	wipe_string(s->header);
	free(s);
}
DEFINE_CLEANUP_PTR(struct source, source_free);

static void answer_free(void *p)
{
	struct answer *a = p;

	wipe_string(a->basic);
	free(a);
}

int auth_new(struct http *h, struct auth **out, struct err *err)
{
	struct auth *a = calloc(1, sizeof(*a));

	if (!a)
		return err_nomem(err);
	a->http = h;
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->creds_lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	*out = a;
	return 0;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	map_fini(&a->answers, answer_free);
	map_fini(&a->sources, source_free);
	map_fini(&a->creds, known_free);
	if (a->forced)
		known_free(a->forced);
	wipe_string(a->identity);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->creds_lock);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

int auth_use(struct auth *a, const struct cred *c, struct err *err)
{
	struct known *k = calloc(1, sizeof(*k));

	if (!k)
		return err_nomem(err);
	k->cred.user = c->user ? strdup(c->user) : NULL;
	k->cred.password = c->password ? strdup(c->password) : NULL;
	k->cred.identity_token = c->identity_token ? strdup(c->identity_token) : NULL;
	if (!k->cred.user != !c->user || !k->cred.password != !c->password ||
	    !k->cred.identity_token != !c->identity_token) {
		known_free(k);
		return err_nomem(err);
	}
	if (a->forced)
		known_free(a->forced);
	a->forced = k;
	return 0;
}

char *auth_identity_token(struct auth *a)
{
	char *token;

	pthread_mutex_lock(&a->lock);
	token = a->identity ? strdup(a->identity) : NULL;
	pthread_mutex_unlock(&a->lock);
	return token;
}

static int64_t now(void)
{
	struct timespec t;

	/* Includes suspend time, which counts for a token's life. */
	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec;
}

/* --- credentials ----------------------------------------------------------------- */

static int look_up(const struct endpoint *e, struct known *k)
{
	struct err why = ERR_INIT;
	int r = creds_get(e->key, *e->path ? e->path : NULL, &k->cred, &why);

	if (r == -ENOMEM)
		return r;
	/* As in docker, public images can be pulled without credentials. */
	if (r < 0 && r != -ENOENT)
		log_warn("credentials for %s are ignored: %s", e->key, why.msg);
	k->none = r < 0;
	return 0;
}

/* credentials - the credentials of an endpoint, borrowed; NULL in *out: none. */
static int credentials(struct auth *a, const struct endpoint *e, const struct cred **out,
		       struct err *err)
{
	struct buf name _cleanup_buf_ = BUF_INIT;
	struct known *k;
	int r = 0;

	*out = NULL;
	if (a->forced) {
		*out = &a->forced->cred;
		return 0;
	}
	if (buf_printf(&name, "%s/%s", e->key, e->path) < 0)
		return err_nomem(err);
	pthread_mutex_lock(&a->creds_lock);
	k = map_get(&a->creds, name.data);
	if (!k) {
		k = calloc(1, sizeof(*k));
		r = k ? look_up(e, k) : -ENOMEM;
		if (r == 0)
			r = map_put(&a->creds, name.data, k);
		if (r < 0 && k) {
			known_free(k);
			k = NULL;
		}
	}
	pthread_mutex_unlock(&a->creds_lock);
	if (r < 0)
		return err_nomem(err);
	*out = k->none ? NULL : &k->cred;
	return 0;
}

static char *basic_value(const struct cred *c)
{
	const char *password = c->password ? c->password : c->identity_token;
	char *pair = NULL, *encoded, *value = NULL;

	if (asprintf(&pair, "%s:%s", c->user ? c->user : "", password ? password : "") < 0)
		return NULL;
	encoded = base64_encode(pair, strlen(pair));
	wipe_string(pair);
	if (encoded && asprintf(&value, "Basic %s", encoded) < 0)
		value = NULL;
	wipe_string(encoded);
	return value;
}

/* --- scopes ---------------------------------------------------------------------- */

/* has_actions - true if the list contains all of the n bytes of comma-separated actions. */
static bool has_actions(const char *list, size_t list_len, const char *actions, size_t n)
{
	const char *end = actions + n;

	while (actions < end) {
		size_t one = (size_t)((const char *)memchr(actions, ',', (size_t)(end - actions))
					      ?: end) -
			     (size_t)actions;
		const char *p = list, *list_end = list + list_len;
		bool found = false;

		while (!found && p < list_end) {
			const char *comma = memchr(p, ',', (size_t)(list_end - p)) ?: list_end;

			found = (size_t)(comma - p) == one && strncmp(p, actions, one) == 0;
			p = comma + 1;
		}
		if (!found)
			return false;
		actions += one + 1;
	}
	return true;
}

/* covers - true if one of the scopes in have includes the scope at s. */
static bool covers(const char *have, const char *s, size_t n)
{
	const char *colon = memrchr(s, ':', n);
	size_t name = colon ? (size_t)(colon - s) + 1 : n;

	while (*have) {
		size_t len = strcspn(have, " ");

		if (len == n && strncmp(have, s, n) == 0)
			return true;
		if (colon && len > name && strncmp(have, s, name) == 0 &&
		    !memchr(have + name, ':', len - name) &&
		    has_actions(have + name, len - name, s + name, n - name))
			return true;
		have += len + strspn(have + len, " ");
	}
	return false;
}

/* Join the scopes of the request with those of the challenge. */
static int join_scopes(const char *wanted, const char *challenge, char **out, struct err *err)
{
	struct buf all _cleanup_buf_ = BUF_INIT;

	if (buf_puts(&all, wanted ? wanted : "") < 0)
		return err_nomem(err);
	while (challenge && *challenge) {
		size_t n = strcspn(challenge, " ");

		if (n && !covers(buf_str(&all), challenge, n) &&
		    buf_printf(&all, "%s%.*s", all.len ? " " : "", (int)n, challenge) < 0)
			return err_nomem(err);
		challenge += n + strspn(challenge + n, " ");
	}
	if (all.len > MAX_SCOPE)
		return err_set(err, EPROTO, "the registry requests a scope of more than %d bytes",
			       MAX_SCOPE);
	*out = all.len ? buf_take(&all) : strdup("");
	return *out ? 0 : err_nomem(err);
}

/* --- tokens ---------------------------------------------------------------------- */

/*
 * The endpoint of a token server: its host's configuration, and the registry's CA, which often
 * signs the token server's certificate, too.
 */
static int reach(struct source *s, const struct endpoint *registry, struct err *err)
{
	struct err why = ERR_INIT;
	int r = hosts_exact(s->realm.host, false, &s->resolved, &why);

	if (r < 0 && r != -EINVAL) {
		if (err)
			*err = why;
		return r;
	}
	if (r == 0)
		s->endpoint = *endpoints_own(&s->resolved);
	s->endpoint.host = s->realm.host;
	s->endpoint.insecure |= registry->insecure && s->realm.same_host;
	if (!registry->ca_pem)
		return 0;
	if (asprintf(&s->ca_pem, "%s%s%s", registry->ca_pem, s->endpoint.ca_pem ? "\n" : "",
		     s->endpoint.ca_pem ? s->endpoint.ca_pem : "") < 0) {
		s->ca_pem = NULL;
		return err_nomem(err);
	}
	s->endpoint.ca_pem = s->ca_pem;
	return 0;
}

static int source_new(struct auth *a, const struct endpoint *e, const char *base_url,
		      const char *scope, const struct challenge *c, struct source **out,
		      struct err *err)
{
	_cleanup_(cleanup_source_free) struct source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_nomem(err);
	if (!c->realm)
		return err_set(err, EPROTO, "a Bearer challenge without a realm");
	if (c->service && strlen(c->service) > MAX_SERVICE)
		return err_set(err, EPROTO,
			       "a Bearer challenge with a service of more than %d bytes",
			       MAX_SERVICE);
	r = realm_check(c->realm, base_url, &s->realm, err);
	if (r == 0)
		r = reach(s, e, err);
	if (r == 0)
		r = join_scopes(scope, c->scope, &s->scope, err);
	if (r == 0)
		r = credentials(a, e, &s->cred, err);
	if (r < 0)
		return r;
	s->service = strdup(c->service ? c->service : "");
	if (!s->service)
		return err_nomem(err);
	if (s->cred && !realm_takes_secrets(&s->realm, e->insecure)) {
		s->withheld = true;
		s->cred = NULL;
		if (a->forced)
			return err_set(err, EACCES,
				       "the token server %s uses plain http: no password is sent",
				       s->realm.host);
		log_warn("no password is sent to the token server %s: it uses plain http",
			 s->realm.host);
	}
	*out = TAKE_PTR(s);
	return 0;
}

/* Called without the lock: a token server may be slow. */
static int fetch(struct auth *a, const struct source *s, struct token *out, struct err *err)
{
	struct token_request q = { .url = s->realm.url,
				   .endpoint = &s->endpoint,
				   .service = s->service,
				   .scope = s->scope,
				   .cred = s->cred,
				   .offline = a->forced && !a->forced->cred.identity_token };
	int r;

	log_debug("token of %s for \"%s\"%s", s->realm.host, s->scope,
		  s->cred ? "" : ", anonymous");
	r = token_fetch(a->http, &q, out, err);
	if (r == -EACCES && s->withheld)
		return err_wrap(err, r,
				"no password was sent because the token server uses plain http");
	return r;
}

/* Called with the lock held. */
static int keep(struct auth *a, struct source *s, struct token *t)
{
	int64_t margin = MIN(t->lives / 5, (int64_t)MARGIN_MAX);
	char *header;

	if (asprintf(&header, "Bearer %s", t->text) < 0)
		return -ENOMEM;
	wipe_string(s->header);
	s->header = header;
	s->expires = now() + t->lives - margin;
	if (t->identity) {
		wipe_string(a->identity);
		a->identity = TAKE_PTR(t->identity);
	}
	return 0;
}

static bool is_good(const struct source *s)
{
	return s->header && now() < s->expires;
}

/*
 * Fetch a token, or wait for the thread that fetches it. The lock is held, except while fetching.
 */
static int refresh(struct auth *a, struct source *s, struct err *err)
{
	struct token t _cleanup_token_ = { 0 };

	if (s->fetching) {
		while (s->fetching)
			pthread_cond_wait(&a->changed, &a->lock);
		if (s->r < 0 && err)
			*err = s->err;
		return s->r;
	}
	s->fetching = true;
	pthread_mutex_unlock(&a->lock);
	s->err = (struct err)ERR_INIT;
	s->r = fetch(a, s, &t, &s->err);
	pthread_mutex_lock(&a->lock);
	if (s->r == 0 && keep(a, s, &t) < 0)
		s->r = err_nomem(&s->err);
	s->fetching = false;
	pthread_cond_broadcast(&a->changed);
	if (s->r < 0 && err)
		*err = s->err;
	return s->r;
}

/* --- Answers --------------------------------------------------------------------- */

static int answer_name(const struct endpoint *e, const char *scope, struct buf *out)
{
	return buf_printf(out, "%s\n%s\n%s", e->host, scope ? scope : "", e->path);
}

static int copy_header(const char *header, char **out, struct err *err)
{
	*out = strdup(header);
	return *out ? 0 : err_nomem(err);
}

int auth_header(struct auth *a, const struct endpoint *e, const char *scope, char **out,
		struct err *err)
{
	struct buf name _cleanup_buf_ = BUF_INIT;
	const struct answer *answer;
	int r = 0;

	*out = NULL;
	if (answer_name(e, scope, &name) < 0)
		return err_nomem(err);
	pthread_mutex_lock(&a->lock);
	answer = map_get(&a->answers, name.data);
	if (answer && answer->basic) {
		r = copy_header(answer->basic, out, err);
	} else if (answer) {
		struct source *s = answer->source;
		unsigned i;

		/* Another thread's request may get the token rejected before this one uses it. */
		for (i = 0; r == 0 && i < 3 && !is_good(s); i++)
			r = refresh(a, s, err);
		if (r == 0 && s->header)
			r = copy_header(s->header, out, err);
	}
	pthread_mutex_unlock(&a->lock);
	return r;
}

/* set_answer - called with the lock held; takes basic. */
static int set_answer(struct auth *a, const char *name, struct source *s, char *basic)
{
	struct answer *answer = map_get(&a->answers, name);

	if (!answer) {
		answer = calloc(1, sizeof(*answer));
		if (!answer || map_put(&a->answers, name, answer) < 0) {
			free(answer);
			wipe_string(basic);
			return -ENOMEM;
		}
	}
	wipe_string(answer->basic);
	answer->source = s;
	answer->basic = basic;
	return 0;
}

static int unauthorized(struct err *err)
{
	return err_set(err, EACCES, "unauthorized: authentication required");
}

static int challenged_basic(struct auth *a, const struct endpoint *e, const char *base_url,
			    const char *name, const char *rejected, struct err *err)
{
	const struct cred *c;
	char *value;
	int r = credentials(a, e, &c, err);

	if (r < 0)
		return r;
	if (!c)
		return unauthorized(err);
	value = basic_value(c);
	if (!value)
		return err_nomem(err);
	if (rejected && strcmp(rejected, value) == 0) {
		wipe_string(value);
		if (a->forced)
			return err_set(
				err, EACCES,
				"login attempt to %.300s/v2/ failed with status: 401 "
				"Unauthorized (unauthorized: incorrect username or password)",
				base_url);
		return err_set(err, EACCES, "unauthorized: incorrect username or password");
	}
	pthread_mutex_lock(&a->lock);
	r = set_answer(a, name, NULL, value);
	pthread_mutex_unlock(&a->lock);
	return r < 0 ? err_nomem(err) : 0;
}

static int source_name(const struct source *s, struct buf *out)
{
	return buf_printf(out, "%s\n%s\n%s\n%p", s->realm.url, s->service, s->scope,
			  (const void *)s->cred);
}

/* sources_add - return the existing source or s, which is taken. Called with the lock held. */
static struct source *sources_add(struct auth *a, struct source **s)
{
	struct buf name _cleanup_buf_ = BUF_INIT;
	struct source *there;

	if (source_name(*s, &name) < 0)
		return NULL;
	there = map_get(&a->sources, name.data);
	if (there)
		return there;
	if (map_put(&a->sources, name.data, *s) < 0)
		return NULL;
	return TAKE_PTR(*s);
}

/* use - replace a rejected token of s; called with the lock held. */
static int use(struct auth *a, struct source *s, const struct challenge *c, const char *rejected,
	       struct err *err)
{
	if (s->header && rejected && strcmp(s->header, rejected) == 0) {
		/* The token is valid but insufficient: a new one would be, too. */
		if (c->error && strcmp(c->error, "insufficient_scope") == 0)
			return err_set(err, EACCES,
				       "denied: requested access to the resource is denied");
		wipe_string(s->header);
		s->header = NULL;
	}
	return is_good(s) ? 0 : refresh(a, s, err);
}

static int challenged_bearer(struct auth *a, const struct endpoint *e, const char *base_url,
			     const char *scope, const struct challenge *c, const char *name,
			     const char *rejected, struct err *err)
{
	_cleanup_(cleanup_source_free) struct source *fresh = NULL;
	struct source *s;
	int r = source_new(a, e, base_url, scope, c, &fresh, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&a->lock);
	s = sources_add(a, &fresh);
	if (!s || set_answer(a, name, s, NULL) < 0)
		r = err_nomem(err);
	else
		r = use(a, s, c, rejected, err);
	pthread_mutex_unlock(&a->lock);
	return r;
}

int auth_challenged(struct auth *a, const struct endpoint *e, const char *base_url,
		    const char *scope, const char *const *challenges, const char *rejected,
		    struct err *err)
{
	struct challenges all _cleanup_challenges_ = { .n = 0 };
	struct buf name _cleanup_buf_ = BUF_INIT;
	const struct challenge *bearer;
	int r = 0;

	if (answer_name(e, scope, &name) < 0)
		return err_nomem(err);
	for (; r == 0 && *challenges; challenges++)
		r = challenges_add(&all, *challenges, err);
	if (r < 0)
		return r;
	bearer = challenges_find(&all, "bearer");
	if (bearer)
		return challenged_bearer(a, e, base_url, scope, bearer, name.data, rejected, err);
	if (challenges_find(&all, "basic"))
		return challenged_basic(a, e, base_url, name.data, rejected, err);
	return unauthorized(err);
}

/* --- Scrubbing ------------------------------------------------------------------- */

#define SECRET_MIN 4 /* shorter secrets may match ordinary words */

static void scrub(struct buf *text, const char *secret)
{
	size_t n = secret ? strlen(secret) : 0;
	char *p = text->data;

	while (n >= SECRET_MIN && p) {
		p = memmem(p, text->len - (size_t)(p - text->data), secret, n);
		if (p)
			memset(p, '*', n);
	}
}

/* Scrub the secret as it is, and as escaped in JSON. */
static void scrub_text(struct buf *text, const char *secret)
{
	json_t *j = secret ? json_string(secret) : NULL;
	char *quoted = j ? json_dumps(j, JSON_ENCODE_ANY) : NULL;
	size_t n = quoted ? strlen(quoted) : 0;

	scrub(text, secret);
	if (n > 2) {
		quoted[n - 1] = '\0';
		scrub(text, quoted + 1);
	}
	wipe_free(quoted, n);
	json_decref(j);
}

static void scrub_cred(struct buf *text, const struct cred *c)
{
	char *basic = c->password || c->identity_token ? basic_value(c) : NULL;

	scrub_text(text, c->password);
	scrub_text(text, c->identity_token);
	scrub(text, basic ? strchr(basic, ' ') + 1 : NULL);
	wipe_string(basic);
}

void auth_scrub(struct auth *a, struct buf *text)
{
	const struct map_slot *slot;
	size_t i = 0;

	if (!text->len)
		return;
	if (a->forced)
		scrub_cred(text, &a->forced->cred);
	pthread_mutex_lock(&a->creds_lock);
	while ((slot = map_next(&a->creds, &i)))
		scrub_cred(text, &((const struct known *)slot->value)->cred);
	pthread_mutex_unlock(&a->creds_lock);
	pthread_mutex_lock(&a->lock);
	for (i = 0; (slot = map_next(&a->sources, &i));) {
		const struct source *s = slot->value;

		scrub(text, s->header ? strchr(s->header, ' ') + 1 : NULL);
	}
	pthread_mutex_unlock(&a->lock);
}
