/*
 * A client for the tests, and its requests.
 */
#include "tests/unit/ask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/log.h"
#include "tests/unit/server.h"

struct http *http;

int ask(const struct http_request *q, struct http_response *out, struct err *err)
{
	*err = (struct err)ERR_INIT;
	return http_do(http, q, out, err);
}

struct http_request get(const char *url)
{
	return (struct http_request){
		.method = "GET", .url = url, .body_length = -1, .max = 64u << 20
	};
}

/* The error of a GET, or its status. */
int outcome(const char *url)
{
	struct http_request q = get(url);
	struct http_response r _cleanup_response_;
	struct err err;
	int n = ask(&q, &r, &err);

	if (n < 0) {
		assert_int_equal(err.code, -n);
		assert_true(err.msg[0]);
		assert_null(strstr(err.msg, "SECRET"));
	}
	return n < 0 ? n : (int)r.status;
}

int outcome_at(struct server *s, const char *path)
{
	return outcome(server_url(s, path));
}

bool is_path(const char *request, const char *path)
{
	const char *p = strchr(request, ' ');

	return p && strncmp(p + 1, path, strlen(path)) == 0 && p[1 + strlen(path)] == ' ';
}

int http_anew(unsigned stall_seconds)
{
	struct http_options o = { .stall_seconds = stall_seconds };
	struct err err = ERR_INIT;

	http_free(http);
	http = NULL;
	return http_new(&o, &http, &err);
}

int http_start(void **state)
{
	(void)state;
	unsetenv("http_proxy");
	unsetenv("https_proxy");
	unsetenv("HTTPS_PROXY");
	unsetenv("all_proxy");
	unsetenv("ALL_PROXY");
	unsetenv("SSL_CERT_FILE");
	log_init("test", LOG_LEVEL_WARN, false);
	return http_anew(60);
}

int http_end(void **state)
{
	(void)state;
	http_free(http);
	return 0;
}
