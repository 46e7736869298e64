/* Hidden names are removed in place; then the reply follows xattr(7). */
#include "fs/core/xattr_reply.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "store/layer/acl.h"
#include "store/layer/overlay_xattr.h"

bool xattr_is_shown(const char *name, const void *value, size_t len, bool directory)
{
	if (strcmp(name, ACL_DEFAULT) == 0 && !directory)
		return false;
	return acl_is_name(name) ? acl_is_valid(value, len) : !overlay_xattr_is_private(name);
}

int xattr_shown(const char *name, const void *value, size_t len, mode_t mode, struct buf *out)
{
	if (buf_append(out, value, len) < 0)
		return -ENOMEM;
	if (strcmp(name, ACL_ACCESS) == 0)
		acl_set_mode(out->data, out->len, mode);
	return 0;
}

#define TRUSTED "trusted."

static void hide_trusted(struct buf *names)
{
	size_t from = 0, to = 0;

	while (from < names->len) {
		size_t n = strlen(names->data + from) + 1;

		if (strncmp(names->data + from, TRUSTED, strlen(TRUSTED)) != 0) {
			memmove(names->data + to, names->data + from, n);
			to += n;
		}
		from += n;
	}
	names->len = to;
}

void xattr_reply_list(fuse_req_t req, struct buf *names, size_t size)
{
	if (fuse_req_ctx(req)->uid != 0)
		hide_trusted(names);
	if (size == 0)
		fuse_reply_xattr(req, names->len);
	else if (names->len > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, buf_str(names), names->len);
}
