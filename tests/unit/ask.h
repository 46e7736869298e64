/*
 * What the tests of registry/http/http.h ask their servers with.
 */
#ifndef TESTS_UNIT_ASK_H
#define TESTS_UNIT_ASK_H

#include <stdbool.h>

#include "registry/http/http.h"

struct err;
struct server;

extern struct http *http; /* takes 60 s for a stall: a busy machine is none */

/* http_start, http_end - for a whole group of tests: without proxies. http_anew - another one. */
int http_start(void **state);
int http_end(void **state);
int http_anew(unsigned stall_seconds);

int ask(const struct http_request *q, struct http_response *out, struct err *err);

/* get - a GET of up to 64 MiB. */
struct http_request get(const char *url);

/* outcome - the error of a GET, or its status. */
int outcome(const char *url);
int outcome_at(struct server *s, const char *path);

/* is_path - does the request ask for that very path? */
bool is_path(const char *request, const char *path);

#endif
