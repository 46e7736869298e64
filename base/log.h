/*
 * Diagnostics. Commands print warnings to stderr and, with --debug, what they decide and why. The
 * daemon in the background writes to the system log.
 *
 * A line of --debug begins with the milliseconds since the program started, the thread ID (as in
 * ps -L) and the folder of the source file:
 *
 *     imagefs: 12.345 4711 store/disk: lock store: exclusive, taken at once
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_QUIET, LOG_LEVEL_WARN, LOG_LEVEL_DEBUG };

/*
 * log_init - set the program name that precedes each line, the level and the destination.
 * name       borrowed
 * to_syslog  write to syslog(3) instead of stderr
 */
void log_init(const char *name, enum log_level level, bool to_syslog);

void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* log_note - to the system log always, to stderr only with --debug. */
#define log_note(...) log_note_from(__FILE__, __VA_ARGS__)

/* True with --debug. Changed by log_init() only. */
extern bool log_debugging;

/*
 * log_debug - with --debug only. Otherwise, the arguments are not evaluated: it costs a branch.
 * log_debug_from - for code that logs on behalf of its caller. file: the caller's __FILE__.
 */
#define log_debug(...)                                         \
	do {                                                   \
		if (__builtin_expect(log_debugging, false))    \
			log_debug_from(__FILE__, __VA_ARGS__); \
	} while (0)
void log_debug_from(const char *file, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), cold));
void log_note_from(const char *file, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* log_ms - milliseconds since the program started, for measuring how long something takes. */
double log_ms(void);

#endif
