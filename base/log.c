/*
 * One line a message, to stderr or to syslog; nothing is kept.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

static struct {
	const char *name;
	enum log_level level;
	bool to_syslog;
} log_state = { "imagefs", LOG_LEVEL_WARN, false };

bool log_debugging;

/* When the program started, in milliseconds of CLOCK_MONOTONIC. */
static double started;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

__attribute__((constructor)) static void note_start(void)
{
	started = now_ms();
}

double log_ms(void)
{
	return now_ms() - started;
}

void log_init(const char *name, enum log_level level, bool to_syslog)
{
	log_state.name = name;
	log_state.level = level;
	log_state.to_syslog = to_syslog;
	log_debugging = level >= LOG_LEVEL_DEBUG;
	if (to_syslog)
		openlog(name, LOG_PID, LOG_DAEMON);
}

static void put(int priority, char *line)
{
	text_neutralise(line);
	if (log_state.to_syslog) {
		syslog(priority, "%s", line);
		return;
	}
	/* If stdout is the same pipe, lines keep their order. */
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", log_state.name, line);
}

/*
 * The folder of a source file, relative to the top of the tree. The compiler gives all file names
 * the same prefix, whose length is derived from this file's name.
 */
static int folder_of(const char *file, const char **out)
{
	size_t prefix = strlen(__FILE__) - strlen("base/log.c");
	const char *slash;

	if (strncmp(file, __FILE__, prefix) == 0)
		file += prefix;
	slash = strrchr(file, '/');
	*out = file;
	return (int)(slash ? (size_t)(slash - file) : strlen(file));
}

__attribute__((format(printf, 3, 0))) static void say(int priority, const char *file,
						      const char *fmt, va_list ap)
{
	char line[2048];
	int n = 0;

	if (file && log_debugging) {
		const char *folder;
		int len = folder_of(file, &folder);

		n = snprintf(line, sizeof(line), "%.3f %d %.*s: ", log_ms(), (int)gettid(), len,
			     folder);
	}
	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	put(priority, line);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	if (log_state.level < LOG_LEVEL_WARN)
		return;
	va_start(ap, fmt);
	say(LOG_WARNING, NULL, fmt, ap);
	va_end(ap);
}

void log_note_from(const char *file, const char *fmt, ...)
{
	va_list ap;

	if (!log_debugging && !log_state.to_syslog)
		return;
	va_start(ap, fmt);
	say(LOG_INFO, file, fmt, ap);
	va_end(ap);
}

void log_debug_from(const char *file, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_DEBUG, file, fmt, ap);
	va_end(ap);
}
