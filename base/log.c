/*
 * One line a message, to stderr or to syslog; nothing is kept.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "base/text.h"

static struct {
	const char *name;
	enum log_level level;
	bool to_syslog;
} log_state = { "imagefs", LOG_LEVEL_WARN, false };

void log_init(const char *name, enum log_level level, bool to_syslog)
{
	log_state.name = name;
	log_state.level = level;
	log_state.to_syslog = to_syslog;
	if (to_syslog)
		openlog(name, LOG_PID, LOG_DAEMON);
}

static void say(int priority, const char *fmt, va_list ap)
{
	char line[2048];

	vsnprintf(line, sizeof(line), fmt, ap);
	text_neutralise(line);
	if (log_state.to_syslog) {
		syslog(priority, "%s", line);
		return;
	}
	/* Where both go into one pipe, what was said before stands before. */
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", log_state.name, line);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	if (log_state.level < LOG_LEVEL_WARN)
		return;
	va_start(ap, fmt);
	say(LOG_WARNING, fmt, ap);
	va_end(ap);
}

void log_note(const char *fmt, ...)
{
	va_list ap;

	if (log_state.level < LOG_LEVEL_DEBUG && !log_state.to_syslog)
		return;
	va_start(ap, fmt);
	say(LOG_INFO, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	if (log_state.level < LOG_LEVEL_DEBUG)
		return;
	va_start(ap, fmt);
	say(LOG_DEBUG, fmt, ap);
	va_end(ap);
}
