/* Shared by create and run. */
#include "tools/make_container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "store/container/container.h"

/* Docker shows names with a leading '/', and accepts them, too. */
static const char *without_slash(const char *name)
{
	return name[0] == '/' ? name + 1 : name;
}

int make_container_check(const char *wanted, struct err *err)
{
	return container_name_check(without_slash(wanted), err);
}

int make_container(struct store *s, const char *wanted, const struct image *image, char **name,
		   struct err *err)
{
	int r;

	if (wanted) {
		*name = strdup(without_slash(wanted));
		return *name ? container_create(s, *name, image, err) : err_nomem(err);
	}
	/* Another process may use the same random name first. */
	do {
		free(TAKE_PTR(*name));
		r = container_name_random(s, name, err);
		if (r == 0)
			r = container_create(s, *name, image, err);
	} while (r == -EEXIST);
	return r;
}
