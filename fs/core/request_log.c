/*
 * An answer may be sent by another thread than the one that read the request, so
 * requests are kept in a table, by the kernel's number modulo its size. If a later request takes
 * an entry, the earlier one's line has no description.
 */
#include "fs/core/request_log.h"

#include <linux/fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"

/* The trees of a daemon. */
#define LOGS_MAX 2
#define PENDING 1024
#define DETAIL_MAX 160

struct pending {
	uint64_t unique;
	double start;
	uint64_t node;
	uint32_t opcode, pid;
	char detail[DETAIL_MAX]; /* a name, or a range of bytes */
};

struct request_log {
	int fd;
	const char *name;
	struct pending pending[PENDING];
};

static struct request_log *logs[LOGS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

enum detail { PLAIN, NAME, RANGE };

struct operation {
	const char *name;
	enum detail detail;
	size_t skip; /* bytes before the name */
};

/* Opcodes that an older linux/fuse.h lacks. */
#define OP_SYNCFS 50
#define OP_TMPFILE 51
#define OP_STATX 52

static const struct operation operations[] = {
	[FUSE_LOOKUP] = { "LOOKUP", NAME, 0 },
	[FUSE_FORGET] = { "FORGET", PLAIN, 0 },
	[FUSE_GETATTR] = { "GETATTR", PLAIN, 0 },
	[FUSE_SETATTR] = { "SETATTR", PLAIN, 0 },
	[FUSE_READLINK] = { "READLINK", PLAIN, 0 },
	[FUSE_SYMLINK] = { "SYMLINK", NAME, 0 },
	[FUSE_MKNOD] = { "MKNOD", NAME, sizeof(struct fuse_mknod_in) },
	[FUSE_MKDIR] = { "MKDIR", NAME, sizeof(struct fuse_mkdir_in) },
	[FUSE_UNLINK] = { "UNLINK", NAME, 0 },
	[FUSE_RMDIR] = { "RMDIR", NAME, 0 },
	[FUSE_RENAME] = { "RENAME", NAME, sizeof(struct fuse_rename_in) },
	[FUSE_LINK] = { "LINK", NAME, sizeof(struct fuse_link_in) },
	[FUSE_OPEN] = { "OPEN", PLAIN, 0 },
	[FUSE_READ] = { "READ", RANGE, 0 },
	[FUSE_WRITE] = { "WRITE", RANGE, 0 },
	[FUSE_STATFS] = { "STATFS", PLAIN, 0 },
	[FUSE_RELEASE] = { "RELEASE", PLAIN, 0 },
	[FUSE_FSYNC] = { "FSYNC", PLAIN, 0 },
	[FUSE_SETXATTR] = { "SETXATTR", PLAIN, 0 },
	[FUSE_GETXATTR] = { "GETXATTR", NAME, sizeof(struct fuse_getxattr_in) },
	[FUSE_LISTXATTR] = { "LISTXATTR", PLAIN, 0 },
	[FUSE_REMOVEXATTR] = { "REMOVEXATTR", NAME, 0 },
	[FUSE_FLUSH] = { "FLUSH", PLAIN, 0 },
	[FUSE_INIT] = { "INIT", PLAIN, 0 },
	[FUSE_OPENDIR] = { "OPENDIR", PLAIN, 0 },
	[FUSE_READDIR] = { "READDIR", RANGE, 0 },
	[FUSE_RELEASEDIR] = { "RELEASEDIR", PLAIN, 0 },
	[FUSE_FSYNCDIR] = { "FSYNCDIR", PLAIN, 0 },
	[FUSE_GETLK] = { "GETLK", PLAIN, 0 },
	[FUSE_SETLK] = { "SETLK", PLAIN, 0 },
	[FUSE_SETLKW] = { "SETLKW", PLAIN, 0 },
	[FUSE_ACCESS] = { "ACCESS", PLAIN, 0 },
	[FUSE_CREATE] = { "CREATE", NAME, sizeof(struct fuse_create_in) },
	[FUSE_INTERRUPT] = { "INTERRUPT", PLAIN, 0 },
	[FUSE_DESTROY] = { "DESTROY", PLAIN, 0 },
	[FUSE_IOCTL] = { "IOCTL", PLAIN, 0 },
	[FUSE_POLL] = { "POLL", PLAIN, 0 },
	[FUSE_BATCH_FORGET] = { "BATCH_FORGET", PLAIN, 0 },
	[FUSE_FALLOCATE] = { "FALLOCATE", PLAIN, 0 },
	[FUSE_READDIRPLUS] = { "READDIRPLUS", RANGE, 0 },
	[FUSE_RENAME2] = { "RENAME2", NAME, sizeof(struct fuse_rename2_in) },
	[FUSE_LSEEK] = { "LSEEK", PLAIN, 0 },
	[FUSE_COPY_FILE_RANGE] = { "COPY_FILE_RANGE", PLAIN, 0 },
	[OP_SYNCFS] = { "SYNCFS", PLAIN, 0 },
	[OP_TMPFILE] = { "TMPFILE", NAME, sizeof(struct fuse_create_in) },
	[OP_STATX] = { "STATX", PLAIN, 0 },
};

static const struct operation *operation(uint32_t opcode)
{
	static const struct operation unknown = { "UNKNOWN", PLAIN, 0 };

	return opcode < ARRAY_SIZE(operations) && operations[opcode].name ? &operations[opcode]
									  : &unknown;
}

/* Used by fd's session only, so it stays until request_log_close(). */
static struct request_log *find(int fd)
{
	struct request_log *found = NULL;
	size_t i;

	if (!log_debugging)
		return NULL;
	pthread_mutex_lock(&lock);
	for (i = 0; i < LOGS_MAX; i++)
		if (logs[i] && logs[i]->fd == fd)
			found = logs[i];
	pthread_mutex_unlock(&lock);
	return found;
}

void request_log_open(int fd, const char *name)
{
	struct request_log *log = calloc(1, sizeof(*log));
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; log && i < LOGS_MAX; i++) {
		if (logs[i])
			continue;
		log->fd = fd;
		log->name = name;
		logs[i] = TAKE_PTR(log);
	}
	pthread_mutex_unlock(&lock);
	free(log);
}

void request_log_close(int fd)
{
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < LOGS_MAX; i++)
		if (logs[i] && logs[i]->fd == fd)
			free(TAKE_PTR(logs[i]));
	pthread_mutex_unlock(&lock);
}

/* What follows the header: body, n bytes. */
static void describe(struct pending *p, const char *body, size_t n)
{
	const struct operation *op = operation(p->opcode);
	const struct fuse_read_in *range = (const void *)body;

	p->detail[0] = '\0';
	if (op->detail == NAME && n > op->skip)
		snprintf(p->detail, sizeof(p->detail), " \"%.*s\"",
			 (int)MIN(n - op->skip, DETAIL_MAX - 4), body + op->skip);
	else if (op->detail == RANGE && n >= sizeof(*range))
		snprintf(p->detail, sizeof(p->detail), " size %u, offset %llu", range->size,
			 (unsigned long long)range->offset);
}

static struct pending *place(struct request_log *log, uint64_t unique)
{
	/* Request numbers are even. */
	return &log->pending[unique / 2 % PENDING];
}

static void print(const struct request_log *log, const struct pending *p, const char *answer)
{
	log_debug("%s: %s node %llu%s by process %u: %s, %.3f ms", log->name,
		  operation(p->opcode)->name, (unsigned long long)p->node, p->detail, p->pid,
		  answer, log_ms() - p->start);
}

void request_log_begin(int fd, const void *request, size_t len)
{
	struct request_log *log = find(fd);
	const struct fuse_in_header *h = request;
	struct pending p;

	if (!log || len < sizeof(*h))
		return;
	p = (struct pending){ .unique = h->unique,
			      .start = log_ms(),
			      .node = h->nodeid,
			      .opcode = h->opcode,
			      .pid = h->pid };
	describe(&p, (const char *)(h + 1), len - sizeof(*h));
	if (h->opcode == FUSE_FORGET || h->opcode == FUSE_BATCH_FORGET ||
	    h->opcode == FUSE_INTERRUPT) {
		print(log, &p, "no answer needed");
		return;
	}
	pthread_mutex_lock(&lock);
	*place(log, h->unique) = p;
	pthread_mutex_unlock(&lock);
}

static void print_notification(const struct request_log *log, const struct fuse_out_header *h)
{
	static const char *const names[] = {
		[FUSE_NOTIFY_POLL] = "poll",
		[FUSE_NOTIFY_INVAL_INODE] = "forget data of a node",
		[FUSE_NOTIFY_INVAL_ENTRY] = "forget a name",
		[FUSE_NOTIFY_STORE] = "store data",
		[FUSE_NOTIFY_RETRIEVE] = "retrieve data",
		[FUSE_NOTIFY_DELETE] = "a name was removed",
	};
	size_t i = (size_t)h->error;

	log_debug("%s: notification: %s", log->name,
		  i < ARRAY_SIZE(names) && names[i] ? names[i] : "unknown");
}

void request_log_end(int fd, const struct iovec *iov)
{
	struct request_log *log = find(fd);
	struct fuse_out_header h;
	struct pending p;
	char answer[64];

	if (!log || iov[0].iov_len < sizeof(h))
		return;
	memcpy(&h, iov[0].iov_base, sizeof(h));
	if (h.unique == 0) {
		print_notification(log, &h);
		return;
	}
	pthread_mutex_lock(&lock);
	p = *place(log, h.unique);
	pthread_mutex_unlock(&lock);
	if (p.unique != h.unique)
		return;
	if (h.error)
		snprintf(answer, sizeof(answer), "%s", strerror(-h.error));
	else
		snprintf(answer, sizeof(answer), "%zu byte%s", h.len - sizeof(h),
			 TEXT_S(h.len - sizeof(h)));
	print(log, &p, answer);
}
