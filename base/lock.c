/* A lock is tried first: only one that another holder has is waited for, and reported as such. */
#include "base/lock.h"

#include <errno.h>
#include <sys/file.h>

#include "base/log.h"

static int try_flock(int fd, int operation)
{
	while (flock(fd, operation) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int lock_again(int fd, enum lock_mode mode)
{
	return try_flock(fd, (mode == LOCK_MODE_EXCLUSIVE ? LOCK_EX : LOCK_SH) | LOCK_NB);
}

int lock_take_from(const char *file, int fd, enum lock_mode mode, bool wait, const char *what,
		   const char *name)
{
	int operation = mode == LOCK_MODE_EXCLUSIVE ? LOCK_EX : LOCK_SH;
	const char *word = mode == LOCK_MODE_EXCLUSIVE ? "exclusive" : "shared";
	int r = lock_again(fd, mode);
	double start;

	if (!log_debugging)
		return r == -EWOULDBLOCK && wait ? try_flock(fd, operation) : r;
	if (r == 0)
		log_debug_from(file, "lock %s %s: %s, taken at once", what, name, word);
	if (r != -EWOULDBLOCK)
		return r;
	if (!wait) {
		log_debug_from(file, "lock %s %s: %s, not taken: another holder has it", what, name,
			       word);
		return r;
	}
	log_debug_from(file, "lock %s %s: %s, waiting: another holder has it", what, name, word);
	start = log_ms();
	r = try_flock(fd, operation);
	if (r == 0)
		log_debug_from(file, "lock %s %s: %s, taken after %.0f ms", what, name, word,
			       log_ms() - start);
	return r;
}
