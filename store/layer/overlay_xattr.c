/* The whole prefix is private, because overlayfs adds names from time to time. */
#include "store/layer/overlay_xattr.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"

bool overlay_xattr_is_private(const char *name)
{
	static const char *const prefixes[] = {
		"trusted.overlay.",
		"user.overlay.",
		"user.fuseoverlayfs.",
		OVERLAY_XATTR_ESCAPE,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return strcmp(name, OVERLAY_XATTR_OVERRIDE) == 0;
}
