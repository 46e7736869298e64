/*
 * An HTTP server inside a unit test that answers whatever the test says, right or wrong, byte by
 * byte.
 */
#ifndef TESTS_UNIT_SERVER_H
#define TESTS_UNIT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct conn;
struct server;
struct tls;

/*
 * Called for each request, in the thread of its connection. request is the head, without its last
 * empty line.
 * returns true: wait for another request on this connection; false: close it
 */
typedef bool (*answer_fn)(struct conn *c, const char *request, void *arg);

/* tls: NULL for plain HTTP. */
struct server *server_start(answer_fn answer, void *arg, struct tls *tls);
void server_stop(struct server *s);
unsigned server_port(const struct server *s);

/*
 * server_hang_on_tls - a plain server that waits for more when TLS is spoken to it, instead of
 * saying so.
 */
void server_hang_on_tls(struct server *s);

/*
 * server_url - of a path, with the scheme that it speaks. Good until the next but seven such calls.
 */
const char *server_url(const struct server *s, const char *path);

/* server_saw - is this text in any of the requests so far? server_requests: how many there were. */
bool server_saw(struct server *s, const char *text);
unsigned server_requests(struct server *s);

/*
 * tls_new - a key and a certificate of its own for that host; tls_pem() to trust it, tls_write()
 * for a client.
 */
struct tls *tls_new(const char *host);
void tls_free(struct tls *t);
/* tls_ask - servers of it want a certificate of their clients, whosever. */
void tls_ask(struct tls *t);
char *tls_pem(const struct tls *t);
void tls_write(const struct tls *t, const char *cert_path, const char *key_path);

/* All false once the other side has gone. */
bool conn_write(struct conn *c, const void *data, size_t len);
bool conn_printf(struct conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* conn_answer - a whole answer; type and extra (whole lines) may be NULL. */
bool conn_answer(struct conn *c, int status, const char *extra, const char *body);

/* conn_body - what the request brings along. */
bool conn_body(struct conn *c, struct buf *out);

/* conn_hang - say nothing until the other side goes or the server stops. */
void conn_hang(struct conn *c);

/* conn_reset - what was said is the last, and ends in a reset. */
void conn_reset(struct conn *c);

/* conn_certified - the client has shown a certificate. */
bool conn_certified(const struct conn *c);
/* conn_fd - to relay bytes; for plain connections. */
int conn_fd(const struct conn *c);

#endif
