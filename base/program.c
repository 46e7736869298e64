/*
 * execvp(3) takes an empty or relative element of $PATH for a directory below the one that we are in.
 * What lies there is no program of the system.
 */
#include "base/program.h"

#include <paths.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

char *program_find(const char *name)
{
	const char *path = getenv("PATH");
	struct stat st;
	size_t n;

	for (path = path ? path : _PATH_DEFPATH; *path; path += n + (path[n] == ':')) {
		struct buf file _cleanup_buf_ = BUF_INIT;

		n = strcspn(path, ":");
		if (n == 0 || path[0] != '/')
			continue;
		if (buf_printf(&file, "%.*s/%s", (int)n, path, name) < 0)
			return NULL;
		if (stat(buf_str(&file), &st) == 0 && S_ISREG(st.st_mode) &&
		    access(buf_str(&file), X_OK) == 0)
			return buf_take(&file);
	}
	return NULL;
}
