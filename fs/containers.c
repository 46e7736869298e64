#include "fs/containers.h"

#include <errno.h>

#include "base/err.h"
#include "fs/session.h"

const struct session_ops containers_session = { .name = "containers" };

int containers_new(struct fs *fs, struct containers **out, struct err *err)
{
	(void)fs;
	(void)out;
	return err_set(err, ENOTSUP, "containers are not shown by this build");
}

void containers_free(struct containers *c)
{
	(void)c;
}

void containers_attach(struct containers *c, struct session *s)
{
	(void)c;
	(void)s;
}

void containers_refresh(struct containers *c)
{
	(void)c;
}

int containers_freeze(struct containers *c, const char *name, struct err *err)
{
	(void)c;
	return err_set(err, ENOENT, "%s", name);
}

void containers_thaw(struct containers *c, const char *name)
{
	(void)c;
	(void)name;
}

int containers_close(struct containers *c, const char *name, struct err *err)
{
	(void)c;
	return err_set(err, ENOENT, "%s", name);
}
