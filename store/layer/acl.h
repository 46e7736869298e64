/*
 * POSIX access control lists, as extended attributes carry them: what a mode says of a file and its list,
 * and what a new file has from its directory.
 * spec    POSIX.1e draft 17, 23.1; acl(5); linux/posix_acl_xattr.h: version 2, little endian
 * units   mode: the permission bits, and others that stay as they are
 */
#ifndef STORE_LAYER_ACL_H
#define STORE_LAYER_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* acl_is_name - one of the two above. */
bool acl_is_name(const char *xattr);

/* acl_is_valid - a list that the kernel takes: known tags in their order, a mask where somebody is named. */
bool acl_is_valid(const void *value, size_t len);

/*
 * These take a valid list.
 *
 * acl_is_mode   it says no more than a mode does
 * acl_mode      the mode of a file that has it
 * acl_set_mode  change it as chmod(2) does
 * acl_inherit   what a new file that is made with *mode has from its directory's default list: *mode becomes its
 *               mode, out its own list; empty: the mode says it all. -ENOMEM
 * acl_map       the ids of users and groups that it names are changed by map()
 */
bool acl_is_mode(const void *value, size_t len);
mode_t acl_mode(const void *value, size_t len, mode_t mode);
void acl_set_mode(void *value, size_t len, mode_t mode);
int acl_inherit(const void *value, size_t len, mode_t *mode, struct buf *out);
void acl_map(void *value, size_t len, void (*map)(void *arg, uid_t *uid, gid_t *gid), void *arg);

#endif
