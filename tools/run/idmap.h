/*
 * The ids of an ordinary user's containers: root there is that user, and the others are those that
 * /etc/subuid and /etc/subgid lend to him, given by newuidmap and newgidmap. Where there are none, root is
 * the only one.
 */
#ifndef TOOLS_RUN_IDMAP_H
#define TOOLS_RUN_IDMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

/* idmap_write - the maps of process pid, which has just entered a user name space of its own. */
int idmap_write(pid_t pid, struct err *err);

/* idmap_has - this process's name space has a number for a user's, or a group's, id. */
bool idmap_has_user(uint32_t uid);
bool idmap_has_group(uint32_t gid);

/* idmap_setgroups - supplementary groups may be set in this process's name space. */
bool idmap_setgroups(void);

#endif
