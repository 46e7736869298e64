/*
 * Paths inside a root: links lead nowhere else, what is missing is made, and taken back.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/inroot.h"
#include "base/remove_tree.h"

struct world {
	char dir[32];
	int root;
};

static void put(int dirfd, const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	int outer;

	strcpy(w->dir, "/tmp/imagefs-root.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	outer = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	put(outer, "secret", "outside");
	assert_int_equal(mkdirat(outer, "root", 0755), 0);
	w->root = openat(outer, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(w->root >= 0);
	close(outer);
	assert_int_equal(mkdirat(w->root, "etc", 0755), 0);
	put(w->root, "etc/file", "inside");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	close(w->root);
	remove_tree(AT_FDCWD, w->dir);
	free(w);
	return 0;
}

/* What is read of path, or its errno as a text. */
static void assert_reads(int root, const char *path, const char *expected)
{
	char text[64] = "";
	int fd = inroot_open(root, path);

	if (fd < 0) {
		assert_string_equal(strerror(-fd), expected);
		return;
	}
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	assert_string_equal(text, expected);
}

static void opens_only_what_is_inside(void **state)
{
	int root = ((struct world *)*state)->root;

	assert_int_equal(symlinkat("/etc/file", root, "absolute"), 0);
	assert_int_equal(symlinkat("../../../../secret", root, "up"), 0);
	assert_int_equal(symlinkat("/proc/self/root/etc/passwd", root, "magic"), 0);
	assert_int_equal(symlinkat("loop", root, "loop"), 0);
	assert_reads(root, "etc/file", "inside");
	assert_reads(root, "/etc/file", "inside");
	assert_reads(root, "absolute", "inside");
	assert_reads(root, "up", strerror(ENOENT));
	assert_reads(root, "../secret", strerror(ENOENT));
	assert_reads(root, "magic", strerror(ENOENT));
	assert_reads(root, "loop", strerror(ELOOP));
}

/* An alarm ends the test where an open waits. */
static void opens_nothing_that_waits(void **state)
{
	int root = ((struct world *)*state)->root;

	alarm(20);
	assert_int_equal(mkfifoat(root, "fifo", 0644), 0);
	assert_reads(root, "fifo", strerror(EINVAL));
	assert_reads(root, "etc", strerror(EINVAL));
	assert_int_equal(symlinkat("fifo", root, "to-fifo"), 0);
	assert_reads(root, "to-fifo", strerror(EINVAL));
	if (geteuid() == 0 && mknodat(root, "tty", S_IFCHR | 0600, (5 << 8) | 0) == 0)
		assert_reads(root, "tty", strerror(EINVAL));
	alarm(0);
}

static void assert_place(int root, const char *path, enum inroot_kind kind,
			 struct inroot_created *made, const char *expected)
{
	char *out = NULL;
	int r = inroot_create(root, path, kind, made, &out);

	if (r < 0) {
		assert_null(out);
		assert_string_equal(strerror(-r), expected);
		return;
	}
	assert_string_equal(out, expected);
	free(out);
}

static void makes_what_is_missing(void **state)
{
	int root = ((struct world *)*state)->root;
	struct stat st;

	assert_place(root, "/a/b/c", INROOT_DIR, NULL, "/a/b/c");
	assert_int_equal(fstatat(root, "a/b/c", &st, 0), 0);
	assert_true(S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0755);
	assert_place(root, "/d//./e/", INROOT_FILE, NULL, "/d/e");
	assert_int_equal(fstatat(root, "d/e", &st, 0), 0);
	assert_true(S_ISREG(st.st_mode) && st.st_size == 0);
	assert_place(root, "/", INROOT_DIR, NULL, "/");
	assert_place(root, "a/../../..", INROOT_DIR, NULL, "/");
	assert_place(root, "/", INROOT_FILE, NULL, strerror(EISDIR));
	assert_place(root, "/etc/file", INROOT_DIR, NULL, strerror(ENOTDIR));
	assert_place(root, "/etc/file/x", INROOT_DIR, NULL, strerror(ENOTDIR));
	assert_place(root, "/etc", INROOT_FILE, NULL, strerror(EISDIR));
	assert_place(root, "/etc/file", INROOT_FILE, NULL, "/etc/file");
	/* A runtime would open it, and wait. */
	assert_int_equal(mkfifoat(root, "fifo", 0644), 0);
	assert_place(root, "/fifo", INROOT_FILE, NULL, strerror(EINVAL));
	assert_place(root, "/fifo", INROOT_DIR, NULL, strerror(ENOTDIR));
}

/* What a link leads to is made, too, and inside. */
static void follows_links_inside(void **state)
{
	struct world *w = *state;
	int root = w->root;
	char path[64];
	struct stat st;

	assert_int_equal(symlinkat("/run/stub/resolv.conf", root, "etc/resolv.conf"), 0);
	assert_place(root, "/etc/resolv.conf", INROOT_FILE, NULL, "/run/stub/resolv.conf");
	assert_int_equal(fstatat(root, "run/stub/resolv.conf", &st, 0), 0);
	assert_int_equal(symlinkat("../../../../made", root, "etc/up"), 0);
	assert_place(root, "/etc/up/x", INROOT_DIR, NULL, "/made/x");
	snprintf(path, sizeof(path), "%s/made", w->dir);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(symlinkat("loop", root, "loop"), 0);
	assert_place(root, "/loop", INROOT_DIR, NULL, strerror(ELOOP));
	assert_place(root, "/loop/x", INROOT_DIR, NULL, strerror(ELOOP));
	/* Each is twice the one before. */
	assert_int_equal(symlinkat("/b/b", root, "bomb"), 0);
	assert_int_equal(symlinkat("/bomb/bomb", root, "b"), 0);
	assert_place(root, "/bomb", INROOT_DIR, NULL, strerror(ELOOP));
}

static void finds_without_making(void **state)
{
	int root = ((struct world *)*state)->root;
	char *out = NULL;

	assert_int_equal(symlinkat("/run/x", root, "etc/link"), 0);
	assert_int_equal(inroot_resolve(root, "/etc/link/y", &out), 0);
	assert_string_equal(out, "/run/x/y");
	free(out);
	assert_int_equal(faccessat(root, "run", F_OK, 0), -1);
}

static void takes_back(void **state)
{
	int root = ((struct world *)*state)->root;
	struct inroot_created made = { 0 };
	struct timespec old[2] = { { 1600000000, 5 }, { 1600000000, 7 } };
	struct stat st;

	assert_int_equal(utimensat(root, "etc", old, 0), 0);
	assert_place(root, "/etc/hosts", INROOT_FILE, &made, "/etc/hosts");
	assert_place(root, "/etc/resolv.conf", INROOT_FILE, &made, "/etc/resolv.conf");
	assert_place(root, "/x/y/z", INROOT_DIR, &made, "/x/y/z");
	assert_place(root, "/etc/file", INROOT_FILE, &made, "/etc/file");
	assert_int_equal(made.n, 5);
	put(root, "x/kept", "written later");
	inroot_undo(root, &made);
	assert_int_equal(made.n, 0);
	assert_int_equal(faccessat(root, "etc/hosts", F_OK, 0), -1);
	assert_int_equal(faccessat(root, "etc/resolv.conf", F_OK, 0), -1);
	assert_int_equal(faccessat(root, "x/y", F_OK, 0), -1);
	assert_int_equal(faccessat(root, "x/kept", F_OK, 0), 0);
	assert_int_equal(faccessat(root, "etc/file", F_OK, 0), 0);
	assert_int_equal(fstatat(root, "etc", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1600000000);
	assert_int_equal(st.st_mtim.tv_nsec, 7);
}

static void spares_what_was_written(void **state)
{
	int root = ((struct world *)*state)->root;
	struct inroot_created made = { 0 };
	struct stat st;

	assert_place(root, "/etc/hosts", INROOT_FILE, &made, "/etc/hosts");
	put(root, "etc/hosts", "a name");
	put(root, "etc/other", "");
	inroot_undo(root, &made);
	assert_reads(root, "etc/hosts", "a name");

	/* Where something else was done in the directory its time is of that. */
	assert_place(root, "/etc/resolv.conf", INROOT_FILE, &made, "/etc/resolv.conf");
	assert_int_equal(unlinkat(root, "etc/other", 0), 0);
	assert_int_equal(utimensat(root, "etc", (struct timespec[2]){ { 9, 9 }, { 9, 9 } }, 0), 0);
	inroot_undo(root, &made);
	assert_int_equal(faccessat(root, "etc/resolv.conf", F_OK, 0), -1);
	assert_int_equal(fstatat(root, "etc", &st, 0), 0);
	assert_true(st.st_mtim.tv_sec > 1600000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opens_only_what_is_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(opens_nothing_that_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(makes_what_is_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_links_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_without_making, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(spares_what_was_written, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
