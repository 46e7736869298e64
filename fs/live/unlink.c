/* A pinned node needs no name. */
#include "fs/live/unlink.h"

#include <stddef.h>
#include <sys/stat.h>

#include "fs/live/links.h"
#include "fs/live/live.h"
#include "fs/live/merge.h"
#include "fs/live/node.h"

int unlink_prepare(struct node *n)
{
	struct location location _cleanup_location_ = LOCATION_INIT;
	int fd, r;

	if (!n || !n->upper || n->pinned)
		return 0;
	r = node_locate(n->live->nodes, n, &location);
	if (r < 0)
		return r;
	fd = location_path_fd(&location);
	if (fd < 0)
		return fd;
	location_end(&location);
	node_pin(n->live->nodes, n, fd);
	return 0;
}

/* Names that no look-up has come across. */
static bool has_more_names(struct node *n)
{
	struct live *live = n->live;
	struct stat st;

	if (!n->upper)
		return links_count(&live->links, &live->upper, live->tree, n->lower) > 0;
	return merge_stat(n, &st) == 0 && st.st_nlink > 0;
}

void unlink_done(struct node *n, struct node *dir, const char *name)
{
	struct nodes *t;

	if (!n)
		return;
	t = n->live->nodes;
	if (node_drop_name(t, n, dir, name)) {
		node_unpin(t, n);
		return;
	}
	if (S_ISDIR(n->type) || !has_more_names(n))
		node_die(t, n);
}
