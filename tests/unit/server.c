/*
 * An HTTP server inside a unit test, one thread a connection.
 */
#include "tests/unit/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define CONNS_MAX 4096
#define HEAD_MAX (1u << 20)

struct tls {
	SSL_CTX *ctx;
	X509 *cert;
	EVP_PKEY *key;
	char *pem;
};

struct conn {
	struct server *server;
	pthread_t thread;
	int fd;
	SSL *ssl;
	bool certified;
	struct buf in; /* what was read and not used */
	uint64_t body; /* bytes of the request's body that are not read yet */
	bool expects;
};

struct server {
	answer_fn answer;
	void *arg;
	struct tls *tls;
	int fd;
	unsigned port;
	pthread_t thread;
	pthread_mutex_t lock;
	bool stopping;
	_Atomic bool silent;
	struct buf log;
	unsigned requests;
	struct conn *conns[CONNS_MAX];
	size_t n;
};

static void die(const char *what)
{
	perror(what);
	_exit(99);
}

/* --- certificates --- */

struct tls *tls_new(const char *host)
{
	struct tls *t = calloc(1, sizeof(*t));
	char san[300];
	X509_NAME *name;
	X509_EXTENSION *e;
	BIO *out = BIO_new(BIO_s_mem());
	char *data;
	long n;

	t->key = EVP_EC_gen("P-256");
	t->cert = X509_new();
	X509_set_version(t->cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(t->cert), 1 + (long)(random() & 0xffffff));
	X509_gmtime_adj(X509_getm_notBefore(t->cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(t->cert), 86400);
	X509_set_pubkey(t->cert, t->key);
	name = X509_get_subject_name(t->cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1,
				   0);
	X509_set_issuer_name(t->cert, name);
	snprintf(san, sizeof(san), "%s:%s", host[0] >= '0' && host[0] <= '9' ? "IP" : "DNS", host);
	e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
	X509_add_ext(t->cert, e, -1);
	X509_EXTENSION_free(e);
	e = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
	X509_add_ext(t->cert, e, -1);
	X509_EXTENSION_free(e);
	X509_sign(t->cert, t->key, EVP_sha256());
	t->ctx = SSL_CTX_new(TLS_server_method());
	if (SSL_CTX_use_certificate(t->ctx, t->cert) != 1 ||
	    SSL_CTX_use_PrivateKey(t->ctx, t->key) != 1)
		die("certificate");
	PEM_write_bio_X509(out, t->cert);
	n = BIO_get_mem_data(out, &data);
	t->pem = strndup(data, (size_t)n);
	BIO_free(out);
	return t;
}

void tls_free(struct tls *t)
{
	SSL_CTX_free(t->ctx);
	X509_free(t->cert);
	EVP_PKEY_free(t->key);
	free(t->pem);
	free(t);
}

static int any_certificate(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

void tls_ask(struct tls *t)
{
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, any_certificate);
}

char *tls_pem(const struct tls *t)
{
	return t->pem;
}

void tls_write(const struct tls *t, const char *cert_path, const char *key_path)
{
	_cleanup_fclose_ FILE *cert = fopen(cert_path, "w");
	_cleanup_fclose_ FILE *key = fopen(key_path, "w");

	if (!cert || !key || PEM_write_X509(cert, t->cert) != 1 ||
	    PEM_write_PrivateKey(key, t->key, NULL, NULL, 0, NULL, NULL) != 1)
		die(cert_path);
}

/* --- a connection --- */

static ssize_t receive(struct conn *c, void *data, size_t len)
{
	return c->ssl ? SSL_read(c->ssl, data, (int)len) : recv(c->fd, data, len, 0);
}

bool conn_write(struct conn *c, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		size_t some = len > 1 << 20 ? 1 << 20 : len;
		ssize_t n = c->ssl ? SSL_write(c->ssl, p, (int)some)
				   : send(c->fd, p, some, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

bool conn_printf(struct conn *c, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return n >= 0 && conn_write(c, text, (size_t)n);
}

bool conn_answer(struct conn *c, int status, const char *extra, const char *body)
{
	return conn_printf(c, "HTTP/1.1 %d Word\r\n%sContent-Length: %zu\r\n\r\n%s", status,
			   extra ? extra : "", strlen(body), body);
}

bool conn_body(struct conn *c, struct buf *out)
{
	char some[65536];

	if (c->expects && !conn_printf(c, "HTTP/1.1 100 Continue\r\n\r\n"))
		return false;
	c->expects = false;
	while (c->body) {
		size_t want = c->body < sizeof(some) ? (size_t)c->body : sizeof(some);
		ssize_t n;

		if (c->in.len) {
			n = (ssize_t)(c->in.len < want ? c->in.len : want);
			memcpy(some, c->in.data, (size_t)n);
			memmove(c->in.data, c->in.data + n, c->in.len - (size_t)n);
			c->in.len -= (size_t)n;
		} else {
			n = receive(c, some, want);
		}
		if (n <= 0)
			return false;
		c->body -= (uint64_t)n;
		if (out && buf_append(out, some, (size_t)n) < 0)
			die("buf_append");
	}
	return true;
}

void conn_hang(struct conn *c)
{
	char some[4096];

	while (recv(c->fd, some, sizeof(some), 0) > 0)
		;
}

void conn_reset(struct conn *c)
{
	struct linger now = { 1, 0 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

bool conn_certified(const struct conn *c)
{
	return c->certified;
}

int conn_fd(const struct conn *c)
{
	return c->fd;
}

/* The next head into a string that the caller frees. */
static char *next_head(struct conn *c)
{
	char some[16384];
	char *end, *head;
	ssize_t n;
	size_t len;

	while (!(c->in.len && (end = strstr(c->in.data, "\r\n\r\n")))) {
		n = receive(c, some, sizeof(some));
		/* TLS where none is spoken: as Go's servers have it. */
		if (n > 0 && !c->ssl && !c->in.len && some[0] == 0x16) {
			if (c->server->silent)
				conn_hang(c);
			conn_printf(c, "HTTP/1.0 400 Bad Request\r\n\r\n");
			return NULL;
		}
		if (n <= 0 || c->in.len > HEAD_MAX || buf_append(&c->in, some, (size_t)n) < 0)
			return NULL;
	}
	len = (size_t)(end - c->in.data);
	head = strndup(c->in.data, len + 2);
	len += 4;
	memmove(c->in.data, c->in.data + len, c->in.len - len + 1);
	c->in.len -= len;
	return head;
}

static void note(struct server *s, const char *head)
{
	pthread_mutex_lock(&s->lock);
	s->requests++;
	if (buf_puts(&s->log, head) < 0)
		die("buf_puts");
	pthread_mutex_unlock(&s->lock);
}

static bool handshake(struct conn *c)
{
	X509 *peer;

	if (!c->server->tls)
		return true;
	c->ssl = SSL_new(c->server->tls->ctx);
	SSL_set_fd(c->ssl, c->fd);
	if (SSL_accept(c->ssl) != 1)
		return false;
	peer = SSL_get1_peer_certificate(c->ssl);
	c->certified = peer != NULL;
	X509_free(peer);
	return true;
}

static void *serve(void *arg)
{
	struct conn *c = arg;
	bool more = handshake(c);

	while (more) {
		_cleanup_free_ char *head = next_head(c);
		const char *length;

		if (!head)
			break;
		length = strcasestr(head, "\r\nContent-Length:");
		c->body = length ? strtoull(length + 17, NULL, 10) : 0;
		c->expects = strcasestr(head, "\r\nExpect:") != NULL;
		note(c->server, head);
		more = c->server->answer(c, head, c->server->arg);
	}
	if (c->ssl)
		SSL_shutdown(c->ssl);
	pthread_mutex_lock(&c->server->lock);
	close(TAKE_FD(c->fd));
	pthread_mutex_unlock(&c->server->lock);
	return NULL;
}

/* --- the server --- */

static void take_in(struct server *s, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	pthread_mutex_lock(&s->lock);
	if (s->stopping || s->n == CONNS_MAX || !c) {
		close(fd);
		free(c);
	} else {
		c->server = s;
		c->fd = fd;
		s->conns[s->n++] = c;
		if (pthread_create(&c->thread, NULL, serve, c) != 0)
			die("pthread_create");
	}
	pthread_mutex_unlock(&s->lock);
}

static void *listener(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		take_in(s, fd);
	return NULL;
}

struct server *server_start(answer_fn answer, void *arg, struct tls *tls)
{
	struct server *s = calloc(1, sizeof(*s));
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	sigset_t all, before;

	s->answer = answer;
	s->arg = arg;
	s->tls = tls;
	pthread_mutex_init(&s->lock, NULL);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s->fd, 128) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&a, &len) < 0)
		die("listen");
	s->port = ntohs(a.sin_port);
	/*
	 * OpenSSL writes without MSG_NOSIGNAL; the code under test shall get along with SIGPIPE as
	 * it is.
	 */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&s->thread, NULL, listener, s) != 0)
		die("pthread_create");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return s;
}

void server_stop(struct server *s)
{
	size_t i;

	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	shutdown(s->fd, SHUT_RDWR);
	for (i = 0; i < s->n; i++)
		if (s->conns[i]->fd >= 0)
			shutdown(s->conns[i]->fd, SHUT_RDWR);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	for (i = 0; i < s->n; i++) {
		pthread_join(s->conns[i]->thread, NULL);
		SSL_free(s->conns[i]->ssl);
		buf_fini(&s->conns[i]->in);
		free(s->conns[i]);
	}
	close(s->fd);
	pthread_mutex_destroy(&s->lock);
	buf_fini(&s->log);
	free(s);
}

void server_hang_on_tls(struct server *s)
{
	s->silent = true;
}

unsigned server_port(const struct server *s)
{
	return s->port;
}

const char *server_url(const struct server *s, const char *path)
{
	static __thread char urls[8][512];
	static __thread unsigned next;
	char *url = urls[next++ % 8];

	snprintf(url, sizeof(urls[0]), "%s://127.0.0.1:%u%s", s->tls ? "https" : "http", s->port,
		 path);
	return url;
}

bool server_saw(struct server *s, const char *text)
{
	bool saw;

	pthread_mutex_lock(&s->lock);
	saw = s->log.len && strstr(s->log.data, text);
	pthread_mutex_unlock(&s->lock);
	return saw;
}

unsigned server_requests(struct server *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->requests;
	pthread_mutex_unlock(&s->lock);
	return n;
}
