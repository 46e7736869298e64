/*
 * The form of an upper directory: whiteouts, opaque directories, owners that
 * the disk cannot have, and names that belong to the form.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/remove_tree.h"
#include "store/container/upper.h"
#include "store/layer/acl.h"
#include "store/layer/overlay_xattr.h"

struct place {
	char path[64];
	struct upper u;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	int fd;

	if (!p)
		return -1;
	strcpy(p->path, "upper-XXXXXX");
	if (!mkdtemp(p->path))
		return -1;
	fd = open(p->path, O_RDONLY | O_DIRECTORY);
	mkdirat(fd, "upper", 0755);
	mkdirat(fd, "work", 0755);
	p->u.fd = openat(fd, "upper", O_RDONLY | O_DIRECTORY);
	p->u.work_fd = openat(fd, "work", O_RDONLY | O_DIRECTORY);
	p->u.unprivileged = true;
	close(fd);
	*state = p;
	return p->u.fd < 0 || p->u.work_fd < 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	close(p->u.fd);
	close(p->u.work_fd);
	remove_tree(AT_FDCWD, p->path);
	free(p);
	return 0;
}

static struct stat like(mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	memset(&st, 0, sizeof(st));
	st.st_mode = mode;
	st.st_uid = uid;
	st.st_gid = gid;
	return st;
}

static void test_owner(void **state)
{
	struct place *p = *state;
	struct stat want = like(S_IFREG | 04750, 33, 44), got, disk;

	assert_int_equal(upper_make(&p->u, p->u.fd, "f", &want, NULL), 0);
	assert_int_equal(upper_make(&p->u, p->u.fd, "f", &want, NULL), -EEXIST);
	assert_int_equal(upper_stat(&p->u, p->u.fd, "f", &got), 0);
	assert_int_equal(got.st_mode, want.st_mode);
	assert_int_equal(got.st_uid, 33);
	assert_int_equal(got.st_gid, 44);
	assert_int_equal(fstatat(p->u.fd, "f", &disk, 0), 0);
	assert_int_equal(disk.st_uid, geteuid());
}

/* A mode that would lock its owner out is kept beside, and the file stays open to us. */
static void test_no_mode(void **state)
{
	struct place *p = *state;
	struct stat want = like(S_IFREG | 0000, 0, 0), got, disk;

	assert_int_equal(upper_make(&p->u, p->u.fd, "f", &want, NULL), 0);
	assert_int_equal(upper_stat(&p->u, p->u.fd, "f", &got), 0);
	assert_int_equal(got.st_mode, S_IFREG);
	assert_int_equal(fstatat(p->u.fd, "f", &disk, 0), 0);
	assert_int_equal(disk.st_mode & 0600, 0600);
}

static void test_plain_needs_no_override(void **state)
{
	struct place *p = *state;
	struct stat want = like(S_IFDIR | 0755, 0, 0), got;
	char path[128], value[64];

	assert_int_equal(upper_make(&p->u, p->u.fd, "d", &want, NULL), 0);
	snprintf(path, sizeof(path), "%s/upper/d", p->path);
	assert_int_equal(getxattr(path, OVERLAY_XATTR_OVERRIDE, value, sizeof(value)), -1);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(upper_stat(&p->u, p->u.fd, "d", &got), 0);
	assert_int_equal(got.st_uid, 0);
	assert_int_equal(got.st_mode, want.st_mode);
}

static void test_placeholders(void **state)
{
	struct place *p = *state;
	struct stat device = like(S_IFCHR | 0640, 0, 6), link = like(S_IFLNK | 0644, 5, 5), got;
	struct stat disk;
	struct buf target _cleanup_buf_ = BUF_INIT;
	int fd;

	device.st_rdev = makedev(300, 70000);
	assert_int_equal(upper_make(&p->u, p->u.fd, "dev", &device, NULL), 0);
	assert_int_equal(upper_stat(&p->u, p->u.fd, "dev", &got), 0);
	assert_int_equal(got.st_mode, device.st_mode);
	assert_int_equal(got.st_rdev, device.st_rdev);
	assert_int_equal(upper_make(&p->u, p->u.fd, "link", &link, "to/there"), 0);
	assert_int_equal(fstatat(p->u.fd, "link", &disk, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(disk.st_mode));
	assert_int_equal(upper_stat(&p->u, p->u.fd, "link", &got), 0);
	assert_int_equal(got.st_mode, S_IFLNK | 0777);
	assert_int_equal(got.st_uid, 5);
	assert_int_equal(upper_readlink(&p->u, p->u.fd, "link", &target), 0);
	assert_string_equal(buf_str(&target), "to/there");
	assert_int_equal(upper_readlink(&p->u, p->u.fd, "dev", &target), -EINVAL);
	fd = openat(p->u.fd, "link", O_PATH | O_NOFOLLOW);
	unlinkat(p->u.fd, "link", 0);
	buf_clear(&target);
	assert_int_equal(upper_readlink(&p->u, fd, "", &target), 0);
	assert_string_equal(buf_str(&target), "to/there");
	close(fd);
	/* root's symlink is a real one */
	link.st_uid = link.st_gid = 0;
	assert_int_equal(upper_make(&p->u, p->u.fd, "real", &link, "x"), 0);
	assert_int_equal(fstatat(p->u.fd, "real", &disk, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(disk.st_mode));
}

static void test_damaged_override(void **state)
{
	static const char *const bad[] = {
		"",
		"0",
		"0:0",
		"x:0:0644",
		"0:0:0999",
		"0:0:10000000",
		"-1:0:0",
		"0:0:0:x",
		"0:0:0:char",
		"0:0:0:char-1",
		"0:0:0:char-1-2-3",
		"0:0:0:file-1",
		"4294967296:0:0",
		"0:0:0644:f",
		" 0:0:0",
	};
	struct place *p = *state;
	struct stat want = like(S_IFREG | 0644, 1, 1), got;
	char path[128];
	size_t i;

	assert_int_equal(upper_make(&p->u, p->u.fd, "f", &want, NULL), 0);
	snprintf(path, sizeof(path), "%s/upper/f", p->path);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(setxattr(path, OVERLAY_XATTR_OVERRIDE, bad[i], strlen(bad[i]), 0),
				 0);
		if (upper_stat(&p->u, p->u.fd, "f", &got) != -EIO)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	assert_int_equal(setxattr(path, OVERLAY_XATTR_OVERRIDE, "7:8:0600", 8, 0), 0);
	assert_int_equal(upper_stat(&p->u, p->u.fd, "f", &got), 0);
	assert_int_equal(got.st_gid, 8);
}

static void check_whiteout(struct place *p, const char *name)
{
	struct stat st;
	bool whiteout = false;

	assert_int_equal(upper_whiteout(&p->u, p->u.fd, name), 0);
	assert_int_equal(upper_lookup(&p->u, p->u.fd, name, &st, &whiteout), 0);
	assert_true(whiteout);
}

static void test_whiteouts(void **state)
{
	struct place *p = *state;
	struct stat file = like(S_IFREG | 0644, 0, 0), dir = like(S_IFDIR | 0755, 0, 0), st;
	bool whiteout = true;
	char path[128];

	check_whiteout(p, "nothing");
	check_whiteout(p, "nothing");
	assert_int_equal(upper_make(&p->u, p->u.fd, "f", &file, NULL), 0);
	check_whiteout(p, "f");
	assert_int_equal(upper_make(&p->u, p->u.fd, "d", &dir, NULL), 0);
	check_whiteout(p, "d");
	assert_int_equal(upper_lookup(&p->u, p->u.fd, "none", &st, &whiteout), -ENOENT);
	/* the other form */
	assert_int_equal(upper_make(&p->u, p->u.fd, "x", &file, NULL), 0);
	assert_int_equal(upper_lookup(&p->u, p->u.fd, "x", &st, &whiteout), 0);
	assert_false(whiteout);
	snprintf(path, sizeof(path), "%s/upper/x", p->path);
	assert_int_equal(setxattr(path, "user.overlay.whiteout", "y", 1, 0), 0);
	assert_int_equal(upper_lookup(&p->u, p->u.fd, "x", &st, &whiteout), 0);
	assert_true(whiteout);
}

static void test_opaque(void **state)
{
	struct place *p = *state;
	char path[128];

	assert_int_equal(upper_is_opaque(&p->u, p->u.fd), 0);
	snprintf(path, sizeof(path), "%s/upper", p->path);
	assert_int_equal(setxattr(path, "user.overlay.opaque", "x", 1, 0), 0);
	assert_int_equal(upper_is_opaque(&p->u, p->u.fd), 0);
	assert_int_equal(upper_opaque(&p->u, p->u.fd), 0);
	assert_int_equal(upper_is_opaque(&p->u, p->u.fd), 1);
}

static void test_xattrs(void **state)
{
	struct place *p = *state;
	struct stat want = like(S_IFREG | 0644, 9, 9);
	struct buf names _cleanup_buf_ = BUF_INIT;
	char value[16];
	int fd;

	assert_int_equal(upper_make(&p->u, p->u.fd, "f", &want, NULL), 0);
	fd = openat(p->u.fd, "f", O_PATH | O_NOFOLLOW);
	assert_int_equal(upper_xattr_set(&p->u, fd, "security.capability", "cap", 3, 0), 0);
	assert_int_equal(upper_xattr_set(&p->u, fd, OVERLAY_XATTR_OVERRIDE, "x", 1, 0), -EPERM);
	assert_int_equal(upper_xattr_set(&p->u, fd, "user.overlay.opaque", "y", 1, 0), -EPERM);
	assert_int_equal(upper_xattr_set(&p->u, fd, "user.imagefs.x", "y", 1, 0), -EPERM);
	assert_int_equal(upper_xattr_get(&p->u, fd, "security.capability", value, sizeof(value)),
			 3);
	assert_int_equal(upper_xattr_get(&p->u, fd, OVERLAY_XATTR_OVERRIDE, value, sizeof(value)),
			 -ENODATA);
	assert_int_equal(upper_xattr_list(&p->u, fd, &names), 0);
	assert_int_equal(names.len, sizeof("security.capability"));
	assert_string_equal(names.data, "security.capability");
	assert_int_equal(upper_xattr_remove(&p->u, fd, "security.capability"), 0);
	assert_int_equal(upper_xattr_remove(&p->u, fd, OVERLAY_XATTR_OVERRIDE), -ENODATA);
	close(fd);
}

/* Of an access list that is stored in a private attribute; an invalid one is hidden. */
static void test_lists(void **state)
{
	static const unsigned char list[] = { 2,    0,	  0,	0, 1,	 0,    7,    0,	   0xff,
					      0xff, 0xff, 0xff, 2, 0,	 6,    0,    5,	   0,
					      0,    0,	  4,	0, 5,	 0,    0xff, 0xff, 0xff,
					      0xff, 16,	  0,	7, 0,	 0xff, 0xff, 0xff, 0xff,
					      32,   0,	  0,	0, 0xff, 0xff, 0xff, 0xff };
	struct place *p = *state;
	struct stat want = like(S_IFDIR | 0755, 0, 0);
	struct buf names _cleanup_buf_ = BUF_INIT;
	char path[128], value[sizeof(list)];
	int fd;

	assert_int_equal(upper_make(&p->u, p->u.fd, "d", &want, NULL), 0);
	fd = openat(p->u.fd, "d", O_PATH | O_NOFOLLOW);
	assert_int_equal(upper_xattr_set(&p->u, fd, ACL_DEFAULT, list, sizeof(list), 0), 0);
	assert_int_equal(upper_xattr_get(&p->u, fd, ACL_DEFAULT, NULL, 0), sizeof(list));
	assert_int_equal(upper_xattr_get(&p->u, fd, ACL_DEFAULT, value, 8), -ERANGE);
	assert_int_equal(upper_xattr_get(&p->u, fd, ACL_DEFAULT, value, sizeof(value)),
			 sizeof(list));
	assert_memory_equal(value, list, sizeof(list));
	assert_int_equal(upper_xattr_list(&p->u, fd, &names), 0);
	assert_int_equal(names.len, sizeof(ACL_DEFAULT));
	snprintf(path, sizeof(path), "%s/upper/d", p->path);
	assert_int_equal(setxattr(path, OVERLAY_XATTR_ESCAPE ACL_DEFAULT, list, 20, 0), 0);
	assert_int_equal(upper_xattr_get(&p->u, fd, ACL_DEFAULT, NULL, 0), -ENODATA);
	assert_int_equal(upper_xattr_get(&p->u, fd, ACL_DEFAULT, value, sizeof(value)), -ENODATA);
	names.len = 0;
	assert_int_equal(upper_xattr_list(&p->u, fd, &names), 0);
	assert_int_equal(names.len, 0);
	close(fd);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_owner),
		CASE(test_no_mode),
		CASE(test_plain_needs_no_override),
		CASE(test_placeholders),
		CASE(test_damaged_override),
		CASE(test_whiteouts),
		CASE(test_opaque),
		CASE(test_xattrs),
		CASE(test_lists),
	};

	return cmocka_run_group_tests_name("upper", tests, NULL, NULL);
}
