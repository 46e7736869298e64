/*
 * POSIX access control lists in extended attributes: their relation to the mode of a file, and
 * what a new file inherits from its directory.
 * spec    POSIX.1e draft 17, 23.1; acl(5); linux/posix_acl_xattr.h: version 2, little endian
 * units   mode: permission bits; other bits are preserved
 */
#ifndef STORE_LAYER_ACL_H
#define STORE_LAYER_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct buf;

#define ACL_ACCESS "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* acl_is_name - true for one of the two names above. */
bool acl_is_name(const char *xattr);

/*
 * acl_is_valid - true if the kernel accepts the list: known tags in order, and a mask if there
 * are named entries.
 */
bool acl_is_valid(const void *value, size_t len);

/*
 * These functions expect a valid list.
 *
 * acl_is_mode   true if the list is equivalent to a mode
 * acl_mode      the mode of a file with this list
 * acl_set_mode  change the list as chmod(2) does
 * acl_inherit   apply a directory's default list to a new file created with *mode. *mode becomes
 *               its mode; out its list, empty if equivalent to the mode. 0 or -ENOMEM
 * acl_map       map the user and group IDs of the entries with map()
 */
bool acl_is_mode(const void *value, size_t len);
mode_t acl_mode(const void *value, size_t len, mode_t mode);
void acl_set_mode(void *value, size_t len, mode_t mode);
int acl_inherit(const void *value, size_t len, mode_t *mode, struct buf *out) MUST_CHECK;
void acl_map(void *value, size_t len, void (*map)(void *arg, uid_t *uid, gid_t *gid), void *arg);

#endif
