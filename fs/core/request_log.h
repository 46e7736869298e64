/*
 * Requests of the kernel and their answers, for --debug: one line per request, written when its
 * answer is sent, with its duration.
 *
 *     containers: LOOKUP node 1 "etc" by process 4711: 144 bytes, 0.105 ms
 */
#ifndef FS_CORE_REQUEST_LOG_H
#define FS_CORE_REQUEST_LOG_H

#include <stddef.h>
#include <sys/uio.h>

/*
 * request_log_open - log the traffic of fd, a session's descriptor. Without this call the functions
 * below do nothing. The name is borrowed. No other thread uses the session here and at
 * request_log_close().
 */
void request_log_open(int fd, const char *name);
void request_log_close(int fd);

/*
 * request_log_begin - a request has been read: len bytes, a struct fuse_in_header and what follows.
 */
void request_log_begin(int fd, const void *request, size_t len);

/* request_log_end - an answer or a notification is about to be sent. From any thread. */
void request_log_end(int fd, const struct iovec *iov);

#endif
