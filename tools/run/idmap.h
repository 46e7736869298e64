/*
 * The IDs of an ordinary user's containers: root there is that user. The other IDs are the user's
 * subordinate IDs, from /etc/subuid and /etc/subgid or from a directory service, set by newuidmap
 * and newgidmap. Without them root is the only user.
 */
#ifndef TOOLS_RUN_IDMAP_H
#define TOOLS_RUN_IDMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* idmap_write - write the maps of process pid, which has just created a user namespace. */
int idmap_write(pid_t pid, struct err *err) MUST_CHECK;

/* idmap_has_user, idmap_has_group - true if the ID is mapped in this process's namespace. */
bool idmap_has_user(uint32_t uid);
bool idmap_has_group(uint32_t gid);

/* idmap_setgroups - true if setgroups(2) is allowed in this process's namespace. */
bool idmap_setgroups(void);

/* idmap_library_version - of libsubid. */
const char *idmap_library_version(void);

#endif
