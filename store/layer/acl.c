/*
 * A list is a version number followed by entries of eight bytes. If the list has a mask, the mask
 * is the group part of the file's mode.
 */
#include "store/layer/acl.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

#define VERSION 2u
#define HEADER 4u
#define ENTRY 8u

/* The limit of an extended attribute (XATTR_SIZE_MAX). */
#define LEN_MAX 65536u

enum { USER_OBJ = 0x01, USER = 0x02, GROUP_OBJ = 0x04, GROUP = 0x08, MASK = 0x10, OTHER = 0x20 };

struct entry {
	uint16_t tag, perm;
	uint32_t id;
};

/* A damaged list in an upper directory may be shorter than the header. */
static size_t count(size_t len)
{
	return len < HEADER ? 0 : (len - HEADER) / ENTRY;
}

static struct entry get(const void *value, size_t i)
{
	const unsigned char *p = (const unsigned char *)value + HEADER + i * ENTRY;
	struct entry e;

	memcpy(&e.tag, p, 2);
	memcpy(&e.perm, p + 2, 2);
	memcpy(&e.id, p + 4, 4);
	e.tag = le16toh(e.tag);
	e.perm = le16toh(e.perm);
	e.id = le32toh(e.id);
	return e;
}

static void set_perm(void *value, size_t i, mode_t perm)
{
	uint16_t le = htole16((uint16_t)(perm & 7));

	memcpy((unsigned char *)value + HEADER + i * ENTRY + 2, &le, 2);
}

static void set_id(void *value, size_t i, uint32_t id)
{
	uint32_t le = htole32(id);

	memcpy((unsigned char *)value + HEADER + i * ENTRY + 4, &le, 4);
}

bool acl_is_name(const char *xattr)
{
	return strcmp(xattr, ACL_ACCESS) == 0 || strcmp(xattr, ACL_DEFAULT) == 0;
}

bool acl_is_valid(const void *value, size_t len)
{
	unsigned seen = 0;
	uint32_t version;
	size_t i;

	if (len < HEADER + 3 * ENTRY || len > LEN_MAX || (len - HEADER) % ENTRY)
		return false;
	memcpy(&version, value, sizeof(version));
	if (le32toh(version) != VERSION)
		return false;
	for (i = 0; i < count(len); i++) {
		struct entry e = get(value, i);
		bool named = e.tag == USER || e.tag == GROUP;

		/* A tag is one bit; tags ascend, and only named entries may repeat. */
		if (!e.tag || e.tag > OTHER || (e.tag & (e.tag - 1u)) || seen >= 2u * e.tag ||
		    (!named && (seen & e.tag)) || e.perm > 7 || (named && e.id == UINT32_MAX))
			return false;
		seen |= e.tag;
	}
	if ((seen & (USER_OBJ | GROUP_OBJ | OTHER)) != (USER_OBJ | GROUP_OBJ | OTHER))
		return false;
	return (seen & MASK) || !(seen & (USER | GROUP));
}

bool acl_is_mode(const void *value, size_t len)
{
	(void)value;
	return count(len) == 3;
}

mode_t acl_mode(const void *value, size_t len, mode_t mode)
{
	size_t i;

	for (i = 0; i < count(len); i++) {
		struct entry e = get(value, i);

		if (e.tag == USER_OBJ)
			mode = (mode & ~(mode_t)0700) | (mode_t)e.perm << 6;
		else if (e.tag == GROUP_OBJ || e.tag == MASK)
			mode = (mode & ~(mode_t)0070) | (mode_t)e.perm << 3;
		else if (e.tag == OTHER)
			mode = (mode & ~(mode_t)0007) | e.perm;
	}
	return mode;
}

/* The entry for the group part of the mode: the mask or, without one, the owning group. */
static uint16_t group_tag(const void *value, size_t len)
{
	size_t i;

	for (i = 0; i < count(len); i++)
		if (get(value, i).tag == MASK)
			return MASK;
	return GROUP_OBJ;
}

void acl_set_mode(void *value, size_t len, mode_t mode)
{
	uint16_t group = group_tag(value, len);
	size_t i;

	for (i = 0; i < count(len); i++) {
		uint16_t tag = get(value, i).tag;

		if (tag == USER_OBJ)
			set_perm(value, i, mode >> 6);
		else if (tag == group)
			set_perm(value, i, mode >> 3);
		else if (tag == OTHER)
			set_perm(value, i, mode);
	}
}

int acl_inherit(const void *value, size_t len, mode_t *mode, struct buf *out)
{
	/* The intersection of the default list and the requested mode. */
	*mode &= acl_mode(value, len, 0777) | ~(mode_t)0777;
	if (acl_is_mode(value, len))
		return 0;
	if (buf_append(out, value, len) < 0)
		return -ENOMEM;
	acl_set_mode(out->data, out->len, *mode);
	return 0;
}

void acl_map(void *value, size_t len, void (*map)(void *arg, uid_t *uid, gid_t *gid), void *arg)
{
	size_t i;

	for (i = 0; i < count(len); i++) {
		struct entry e = get(value, i);
		uid_t uid = e.id;
		gid_t gid = e.id;

		if (e.tag != USER && e.tag != GROUP)
			continue;
		map(arg, &uid, &gid);
		set_id(value, i, e.tag == USER ? uid : gid);
	}
}
