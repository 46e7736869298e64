/*
 * Cleanup attributes release a resource at the end of its variable's scope.
 *
 *     _cleanup_close_ int fd = open(...);
 *     ...
 *     return TAKE_FD(fd);          the caller owns it now
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/*
 * wipe_free - overwrite n bytes of a secret and free them; wipe_string - all of a string. NULL is
 * legal.
 */
static inline void wipe_free(void *p, size_t n)
{
	if (p)
		explicit_bzero(p, n);
	free(p);
}

static inline void wipe_string(char *s)
{
	wipe_free(s, s ? strlen(s) : 0);
}

static inline void cleanup_secret(char **s)
{
	wipe_string(*s);
}

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_secret_ _cleanup_(cleanup_secret)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)

/* Transfer ownership: reset the variable and return its value. */
#define TAKE_PTR(p)                     \
	({                              \
		__typeof__(p) _t = (p); \
		(p) = NULL;             \
		_t;                     \
	})
#define TAKE_FD(fd)            \
	({                     \
		int _t = (fd); \
		(fd) = -1;     \
		_t;            \
	})

/* DEFINE_CLEANUP_PTR(struct buf, buf_free) defines cleanup_buf_free(struct buf **). */
#define DEFINE_CLEANUP_PTR(type, func)              \
	static inline void cleanup_##func(type **p) \
	{                                           \
		if (*p)                             \
			func(*p);                   \
	}                                           \
	struct swallow_semicolon_##func

/* MUST_CHECK - the result must be used. IGNORE(call) - ignore it explicitly; a comment says why. */
#define MUST_CHECK __attribute__((warn_unused_result))
#define IGNORE(call)        \
	do {                \
		if (call) { \
		}           \
	} while (0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
