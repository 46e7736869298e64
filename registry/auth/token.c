/*
 * GET with a password, POST with an identity token. Nothing of requests and responses is printed
 * except error messages of the server, and those only if they contain no secret.
 */
#include "registry/auth/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "registry/auth/cred.h"
#include "registry/config/hosts.h"
#include "registry/http/http.h"
#include "registry/http/http_url.h"
#include "registry/http/refusal.h"
#include "registry/http/retry.h"

#define CLIENT_ID "imagefs"
#define LIVES_DEFAULT 60
#define LIVES_MAX (366 * 86400)
#define SHOWN_MAX 300

/* Bodies contain secrets. */
static void wipe_response(struct http_response *r)
{
	buf_wipe(&r->text);
	http_response_fini(r);
}

void token_fini(struct token *t)
{
	wipe_string(t->text);
	wipe_string(t->identity);
	memset(t, 0, sizeof(*t));
}

/* A token becomes part of a header: only visible characters are allowed. */
static bool is_token(const char *s)
{
	size_t n = strlen(s);

	while (*s > ' ' && *s < 0x7f)
		s++;
	return n && n <= TOKEN_MAX && !*s;
}

static int read_token(const json_t *j, struct token *out, struct err *err)
{
	const char *text = json_str(j, "token"), *identity = json_str(j, "refresh_token");
	json_t *lives = json_object_get(j, "expires_in");
	struct token t _cleanup_token_ = { .lives = LIVES_DEFAULT };

	if (!text || !*text)
		text = json_str(j, "access_token");
	if (!text || !*text)
		return err_set(err, EPROTO, "the token server's answer has no token");
	if (!is_token(text) || (identity && *identity && !is_token(identity)))
		return err_set(err, EPROTO,
			       "the token server's answer has a token with invalid characters");
	if (json_is_number(lives) && json_number_value(lives) >= 1)
		t.lives = json_number_value(lives) > LIVES_MAX ? LIVES_MAX
							       : (int64_t)json_number_value(lives);
	t.text = strdup(text);
	t.identity = identity && *identity ? strdup(identity) : NULL;
	if (!t.text || (identity && *identity && !t.identity))
		return err_nomem(err);
	*out = t;
	memset(&t, 0, sizeof(t));
	return 0;
}

int token_read(const char *text, size_t len, struct token *out, struct err *err)
{
	_cleanup_json_ json_t *j = NULL;
	int r = json_parse(text, len, "token", &j, NULL);

	if (r == -ENOMEM)
		return err_nomem(err);
	/* The parser's message would quote the text. */
	if (r < 0 || !json_is_object(j))
		return err_set(err, EPROTO, "the token server's answer is not a JSON object");
	return read_token(j, out, err);
}

/* --- Errors ---------------------------------------------------------------------- */

static bool has(const char *text, const char *secret)
{
	return secret && *secret && strstr(text, secret);
}

/* A server may echo the secret. */
static bool shows_secret(const char *text, const struct cred *c)
{
	_cleanup_secret_ char *encoded = NULL;
	struct buf pair _cleanup_secret_buf_ = BUF_INIT;

	if (!c)
		return false;
	if (buf_printf(&pair, "%s:%s", c->user ? c->user : "", c->password ? c->password : "") < 0)
		return true;
	encoded = base64_encode(pair.data, pair.len);
	return !encoded || has(text, c->password) || has(text, c->identity_token) ||
	       (c->password && has(text, encoded));
}

static int refused(const struct http_response *a, const struct token_request *q, struct err *err)
{
	struct refusal said _cleanup_refusal_ = REFUSAL_INIT;
	struct buf shown _cleanup_buf_ = BUF_INIT;
	bool denied = a->status == 401 || a->status == 403;
	char status[64];

	if (refusal_read(a, &said) < 0)
		return err_nomem(err);
	if (!shows_secret(buf_str(&a->text), q->cred) &&
	    !shows_secret(buf_str(&said.words), q->cred) && refusal_shown(&said, &shown) < 0)
		return err_nomem(err);
	if (!denied)
		return err_set(err, EPROTO, "the token server %s answered with status %s%s%.*s",
			       q->endpoint->host, refusal_status(a->status, status),
			       shown.len ? ": " : "", SHOWN_MAX, buf_str(&shown));
	if (said.coded && shown.len)
		return err_set(err, EACCES, "%.*s", SHOWN_MAX, buf_str(&shown));
	return err_set(err, EACCES, "%s: %.*s", a->status == 403 ? "denied" : "unauthorized",
		       SHOWN_MAX,
		       shown.len ? buf_str(&shown)
		       : q->cred ? "incorrect username or password"
				 : "authentication required");
}

/* --- Requests -------------------------------------------------------------------- */

static int add_query(char **url, const char *name, const char *value)
{
	return value && *value ? http_url_add_query(url, name, value) : 0;
}

static int add_scopes(char **url, const char *scope)
{
	int r = 0;

	while (r == 0 && *scope) {
		size_t n = strcspn(scope, " ");
		_cleanup_free_ char *one = strndup(scope, n);

		r = one ? add_query(url, "scope", one) : -ENOMEM;
		scope += n + strspn(scope + n, " ");
	}
	return r;
}

static int get_url(const struct token_request *q, char **out)
{
	_cleanup_free_ char *url = strdup(q->url);
	int r = url ? add_query(&url, "service", q->service) : -ENOMEM;

	if (r == 0)
		r = add_scopes(&url, q->scope);
	if (r == 0 && q->cred)
		r = add_query(&url, "account", q->cred->user);
	if (r == 0 && q->offline)
		r = add_query(&url, "offline_token", "true");
	if (r == 0 && q->offline)
		r = add_query(&url, "client_id", CLIENT_ID);
	if (r == 0)
		*out = TAKE_PTR(url);
	return r;
}

static int form_field(struct buf *form, const char *name, const char *value)
{
	_cleanup_secret_ char *escaped = http_escape(value);

	if (!escaped)
		return -ENOMEM;
	return buf_printf(form, "%s%s=%s", form->len ? "&" : "", name, escaped);
}

static int ask(struct http *h, const struct http_request *q, struct http_response *out,
	       struct err *err)
{
	struct retry t = RETRY_INIT;
	int r;

	for (;;) {
		r = http_do(h, q, out, err);
		if (r < 0 ? !http_transient(r) : !retry_status(out->status))
			return r;
		if (!retry_wait(&t, r, out, false))
			return r < 0 ? retry_reported(&t, r, err) : 0;
		wipe_response(out);
		memset(out, 0, sizeof(*out));
	}
}

static int answered(const struct token_request *q, const struct http_response *a, struct token *out,
		    struct err *err)
{
	if (a->status < 200 || a->status > 299)
		return refused(a, q, err);
	return token_read(buf_str(&a->text), a->text.len, out, err);
}

static int get(struct http *h, const struct token_request *q, struct token *out, struct err *err)
{
	struct http_request request = {
		.method = "GET", .endpoint = q->endpoint, .body_length = -1, .max = TOKEN_ANSWER_MAX
	};
	struct http_response answer _cleanup_(wipe_response) = { 0 };
	_cleanup_secret_ char *encoded = NULL, *basic = NULL;
	_cleanup_free_ char *url = NULL;
	struct buf text _cleanup_secret_buf_ = BUF_INIT;
	int r;

	if (get_url(q, &url) < 0)
		return err_nomem(err);
	if (q->cred) {
		const char *password =
			q->cred->password ? q->cred->password : q->cred->identity_token;

		if (buf_printf(&text, "%s:%s", q->cred->user ? q->cred->user : "",
			       password ? password : "") < 0)
			return err_nomem(err);
		encoded = base64_encode(text.data, text.len);
		if (!encoded || asprintf(&basic, "Basic %s", encoded) < 0)
			return err_nomem(err);
	}
	request.url = url;
	request.authorization = basic;
	r = ask(h, &request, &answer, err);
	return r < 0 ? r : answered(q, &answer, out, err);
}

/* post - request with an identity token; 1 if the server does not support POST. */
static int post(struct http *h, const struct token_request *q, struct token *out, struct err *err)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded",
					       NULL };
	struct http_request request = { .method = "POST",
					.url = q->url,
					.headers = headers,
					.endpoint = q->endpoint,
					.max = TOKEN_ANSWER_MAX,
					/* A redirect would resend the body. */
					.no_redirect = true };
	struct http_response answer _cleanup_(wipe_response) = { 0 };
	struct buf form _cleanup_secret_buf_ = BUF_INIT;
	int r;

	/* Reserved in advance: growing would leave copies of the secret in freed memory. */
	if (buf_reserve(&form, strlen(q->cred->identity_token) * 3 + strlen(q->scope) * 3 + 4096) <
		    0 ||
	    form_field(&form, "grant_type", "refresh_token") < 0 ||
	    form_field(&form, "service", q->service ? q->service : "") < 0 ||
	    form_field(&form, "client_id", CLIENT_ID) < 0 ||
	    form_field(&form, "scope", q->scope) < 0 ||
	    form_field(&form, "refresh_token", q->cred->identity_token) < 0)
		return err_nomem(err);
	request.body = form.data;
	request.body_length = (int64_t)form.len;
	r = ask(h, &request, &answer, err);
	if (r < 0)
		return r;
	if (answer.status == 404 || answer.status == 405 || answer.status == 501)
		return 1;
	return answered(q, &answer, out, err);
}

int token_fetch(struct http *h, const struct token_request *q, struct token *out, struct err *err)
{
	int r = q->cred && q->cred->identity_token ? post(h, q, out, err) : 1;

	return r > 0 ? get(h, q, out, err) : r;
}
