/* Searches next to this program first, so that a build tree uses its own mount.imagefs. */
#include "config.h"

#include "tools/run/daemon.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#define HELPER "mount.imagefs"
/* Directories relative to this program; the installed location comes last. */
static const char *const beside[] = { "", "/../sbin", "/../libexec/imagefs" };
static const char *const installed[] = { MOUNT_HELPER_DIR, "/sbin", "/usr/sbin",
					 "/usr/local/sbin" };

int daemon_path(struct buf *out, struct err *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	size_t i;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (i = 0; slash && i < ARRAY_SIZE(beside); i++) {
		buf_clear(out);
		if (buf_printf(out, "%.*s%s/" HELPER, (int)(slash - self), self, beside[i]) < 0)
			return err_nomem(err);
		if (access(buf_str(out), X_OK) == 0)
			return 0;
	}
	for (i = 0; i < ARRAY_SIZE(installed); i++) {
		buf_clear(out);
		if (buf_printf(out, "%s/" HELPER, installed[i]) < 0)
			return err_nomem(err);
		if (access(buf_str(out), X_OK) == 0)
			return 0;
	}
	return err_set(err, ENOENT, HELPER ": not found next to imagefs or in " MOUNT_HELPER_DIR);
}
