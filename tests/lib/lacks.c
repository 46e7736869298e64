/*
 * Preloaded into a program, one call of it fails: LACKS=malloc:N its Nth allocation, from:N all
 * from its Nth on, read:N the Nth read(2) or pread(2) of 64 KiB or more, with EIO.
 * LACKS_COUNT=FILE: how many there were goes there at the end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE (64u << 10)

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

static atomic_long allocations, reads;
static long malloc_at, malloc_from, read_at;

/* OpenSSL 3.0 does not survive that memory runs out while it starts: it starts before that. */
static void start_openssl(void)
{
	const void *(*sha256)(void) = (const void *(*)(void))dlsym(RTLD_DEFAULT, "EVP_sha256");
	int (*digest)(const void *data, size_t len, unsigned char *md, unsigned *size,
		      const void *type, void *engine) =
		(int (*)(const void *, size_t, unsigned char *, unsigned *, const void *,
			 void *))dlsym(RTLD_DEFAULT, "EVP_Digest");
	unsigned char md[64];

	if (sha256 && digest)
		digest("", 0, md, NULL, sha256(), NULL);
}

__attribute__((constructor)) static void begin(void)
{
	const char *what = getenv("LACKS");

	start_openssl();
	atomic_store(&allocations, 0);
	if (what && strncmp(what, "malloc:", 7) == 0)
		malloc_at = atol(what + 7);
	else if (what && strncmp(what, "from:", 5) == 0)
		malloc_from = atol(what + 5);
	else if (what && strncmp(what, "read:", 5) == 0)
		read_at = atol(what + 5);
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("LACKS_COUNT");
	char text[64];
	int fd, n;

	if (!path)
		return;
	n = snprintf(text, sizeof(text), "%ld %ld\n", atomic_load(&allocations),
		     atomic_load(&reads));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		abort();
	close(fd);
}

static bool fails(void)
{
	long n = atomic_fetch_add(&allocations, 1) + 1;

	if (n != malloc_at && (!malloc_from || n < malloc_from))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

static bool read_fails(size_t len)
{
	if (len < LARGE || atomic_fetch_add(&reads, 1) + 1 != read_at)
		return false;
	errno = EIO;
	return true;
}

ssize_t read(int fd, void *data, size_t len)
{
	static ssize_t (*next)(int fd, void *data, size_t len);

	if (!next)
		next = (ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
	return read_fails(len) ? -1 : next(fd, data, len);
}

ssize_t pread64(int fd, void *data, size_t len, off_t off)
{
	static ssize_t (*next)(int fd, void *data, size_t len, off_t off);

	if (!next)
		next = (ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread64");
	return read_fails(len) ? -1 : next(fd, data, len, off);
}
