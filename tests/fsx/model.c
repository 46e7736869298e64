/*
 * The model of the file that fsx works on.
 */
#include "tests/fsx/model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINES 48

struct model model = { .limit = 256 * 1024, .name = "begin" };

static char lines[LOG_LINES][120];
static uint64_t state;

void model_seed(unsigned long seed)
{
	state = seed * 0x9e3779b97f4a7c15ull + 1;
}

static uint64_t next_random(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

size_t below(size_t n)
{
	return n ? (size_t)(next_random() >> 16) % n : 0;
}

void note(const char *format, ...)
{
	char *line = lines[model.now % LOG_LINES];
	int n = snprintf(line, sizeof(lines[0]), "%lu %s", model.now, model.name);
	va_list ap;

	va_start(ap, format);
	vsnprintf(line + n, sizeof(lines[0]) - (size_t)n, format, ap);
	va_end(ap);
	if (model.verbose)
		fprintf(stderr, "%s\n", line);
}

void bad(const char *format, ...)
{
	unsigned long i = model.now >= LOG_LINES ? model.now - LOG_LINES + 1 : 1;
	va_list ap;

	fprintf(stderr, "fsx: the last operations:\n");
	for (; i <= model.now; i++)
		fprintf(stderr, "    %s\n", lines[i % LOG_LINES]);
	fprintf(stderr, "fsx: %s: operation %lu: %s: ", model.path, model.now, model.name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "; the model has %zu bytes\n", model.size);
	_exit(1);
}

void failed(const char *call)
{
	bad("%s: %s", call, strerror(errno));
}

/* Report a difference, and what a new open(2) reads there: a hint at the cause. */
static void differs(const unsigned char *got, const unsigned char *want, size_t off, size_t len,
		    const char *how)
{
	size_t i = 0, n = 0, k;
	unsigned char again = 0;
	int fd = open(model.path, O_RDONLY), seen = 0;

	while (got[i] == want[i])
		i++;
	for (k = i; k < len; k++)
		n += got[k] != want[k];
	if (fd >= 0)
		seen = (int)pread(fd, &again, 1, (off_t)(off + i));
	if (seen == 1)
		bad("%s: offset %zu: %02x, not %02x (%zu bytes of %zu); another open reads %02x",
		    how, off + i, got[i], want[i], n, len, again);
	bad("%s: offset %zu: %02x, not %02x (%zu bytes of %zu)", how, off + i, got[i], want[i], n,
	    len);
}

void compare(const unsigned char *got, size_t off, size_t len, const char *how)
{
	if (len && memcmp(got, model.data + off, len) != 0)
		differs(got, model.data + off, off, len, how);
}

void compare_mapped(const unsigned char *p, size_t off, size_t len, const char *how)
{
	static const unsigned char zeros[PAGE];
	size_t here = off >= model.size ? 0 : off + len > model.size ? model.size - off : len;
	size_t rest = (PAGE - here % PAGE) % PAGE;

	compare(p, off, here, how);
	if (here + rest > len)
		rest = len - here;
	if (here && rest && memcmp(p + here, zeros, rest) != 0)
		differs(p + here, zeros, off + here, rest, "mapped behind the end");
}

void model_size(size_t to)
{
	if (to > model.size)
		memset(model.data + model.size, 0, to - model.size);
	model.size = to;
}

void model_write(const unsigned char *data, size_t off, size_t len)
{
	if (off > model.size)
		model_size(off);
	memcpy(model.data + off, data, len);
	if (off + len > model.size)
		model.size = off + len;
}

void model_fill(unsigned char *p, size_t off, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (unsigned char)((model.now * 157 + (off + i) * 7 + ((off + i) >> 8)) | 1);
}
