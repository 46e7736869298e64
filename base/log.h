/*
 * What a program says on stderr beside its results. Commands print warnings
 * and, with --debug, what they do; the daemon in the background writes to the
 * system log.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_QUIET, LOG_LEVEL_WARN, LOG_LEVEL_DEBUG };

/*
 * log_init - name stands before every line; it is borrowed.
 * to_syslog  write to syslog(3) instead of stderr
 */
void log_init(const char *name, enum log_level level, bool to_syslog);

void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* log_note - for the system log always, on stderr with --debug only. */
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
