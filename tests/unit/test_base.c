/*
 * base/: text, map, ring, file trees.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/beneath.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/progress.h"
#include "base/remove_tree.h"
#include "base/text.h"
#include "base/walk.h"
#include "store/layer/ring.h"

static void test_size(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = { { 0, "0B" },	  { 999, "999B" },	  { 1000, "1kB" },
		      { 1536, "1.54kB" }, { 77800000, "77.8MB" }, { 1160000000, "1.16GB" },
		      { 999999, "1MB" },  { 124000000, "124MB" }, { UINT64_MAX, "18.4EB" } };
	char out[32];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		text_size(cases[i].bytes, out);
		assert_string_equal(out, cases[i].text);
	}
}

static void test_ago(void **state)
{
	static const struct {
		int64_t s;
		const char *text;
	} cases[] = { { 0, "Less than a second" }, { 1, "1 second" },
		      { 59, "59 seconds" },	   { 60, "About a minute" },
		      { 3599, "59 minutes" },	   { 3600, "About an hour" },
		      { 5400, "2 hours" },	   { 86400 * 2, "2 days" },
		      { 86400 * 14, "2 weeks" },   { 86400 * 61, "2 months" },
		      { 86400 * 800, "2 years" } };
	char out[48];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		text_ago(cases[i].s, out);
		assert_string_equal(out, cases[i].text);
	}
}

static void test_time(void **state)
{
	static const char *const bad[] = { "",
					   "2024",
					   "2024-01-01",
					   "2024-13-01T00:00:00Z",
					   "2024-01-01T00:00:00",
					   "2024-01-01T00:00:00Zx" };
	struct timespec t;
	char out[48];
	size_t i;

	(void)state;
	assert_int_equal(text_parse_time("2024-02-29T12:30:45.5+02:00", &t), 0);
	assert_int_equal(t.tv_nsec, 500000000);
	text_time(t, out);
	assert_string_equal(out, "2024-02-29T10:30:45.5Z");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(text_parse_time(bad[i], &t), -EINVAL);
}

static void test_escape(void **state)
{
	struct buf b _cleanup_buf_ = BUF_INIT;

	(void)state;
	assert_int_equal(text_escape(&b, "a\x1b[31m\n\\\xff\xc3\xa9\xe2\x80\xae"), 0);
	assert_string_equal(buf_str(&b), "a\\x1b[31m\\x0a\\x5c\\xff\xc3\xa9\\xe2\\x80\\xae");
}

static void test_error_text(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&err, EINVAL, "a\nb\x1b[1m \xc2\x9b \xff \xc3\xa9"), -EINVAL);
	assert_string_equal(err.msg, "a?b?[1m ?? ? \xc3\xa9");
	assert_int_equal(err_wrap(&err, -EIO, "outer"), -EIO);
	assert_string_equal(err.msg, "outer: a?b?[1m ?? ? \xc3\xa9");
	assert_int_equal(err_set(NULL, EINVAL, "nobody reads"), -EINVAL);
}

static void test_map(void **state)
{
	struct map m = MAP_INIT;
	char key[16];
	uintptr_t i;

	(void)state;
	for (i = 1; i <= 5000; i++) {
		snprintf(key, sizeof(key), "k%zu", (size_t)i);
		assert_int_equal(map_put(&m, key, (void *)i), 0);
	}
	for (i = 1; i <= 5000; i += 2) {
		snprintf(key, sizeof(key), "k%zu", (size_t)i);
		assert_int_equal((uintptr_t)map_del(&m, key), i);
	}
	for (i = 1; i <= 5000; i++) {
		snprintf(key, sizeof(key), "k%zu", (size_t)i);
		assert_int_equal((uintptr_t)map_get(&m, key), i % 2 ? 0 : i);
	}
	assert_int_equal(m.n, 2500);
	map_fini(&m, NULL);
}

#define RING_BYTES 100000

static void *fill_ring(void *arg)
{
	struct ring *r = arg;
	unsigned char block[777];
	size_t done, i;

	for (done = 0; done < RING_BYTES; done += i) {
		for (i = 0; i < sizeof(block) && done + i < RING_BYTES; i++)
			block[i] = (unsigned char)((done + i) % 251);
		if (ring_write(r, block, i) < 0)
			return (void *)1;
	}
	ring_end(r);
	return NULL;
}

static void test_ring(void **state)
{
	struct ring *r = ring_new(3, 100);
	size_t done = 0;
	const void *data;
	pthread_t writer;
	void *result;
	ssize_t n, i;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, fill_ring, r), 0);
	while ((n = ring_pull(r, &data)) > 0)
		for (i = 0; i < n; i++, done++)
			assert_int_equal(((const unsigned char *)data)[i], done % 251);
	assert_int_equal(done, RING_BYTES);
	pthread_join(writer, &result);
	assert_null(result);
	ring_free(r);
}

static void test_ring_fails(void **state)
{
	struct ring *r = ring_new(2, 16);
	pthread_t writer;
	void *result;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, fill_ring, r), 0);
	ring_fail(r, -EIO);
	pthread_join(writer, &result);
	assert_non_null(result);
	ring_free(r);
}

static void walk_returns_directories_again(void **state)
{
	static const char *const expected[] = { "a", "a/b", "a/b", "a", "c", "c" };
	char dir[] = "/tmp/test_base.XXXXXX";
	struct walk w _cleanup_walk_ = WALK_INIT;
	_cleanup_close_ int fd = -1;
	const char *name;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(file_mkdirs(fd, "t/a/b", 0700), 0);
	assert_int_equal(file_mkdirs(fd, "t/c", 0700), 0);
	w.again = true;
	assert_int_equal(walk_enter(&w, openat(fd, "t", O_RDONLY | O_CLOEXEC)), 0);
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(walk_next(&w, &name), 1);
		assert_string_equal(buf_str(&w.path), expected[i]);
		/* Enter what is returned for the first time. */
		if (i == 0 || i == 1 || i == 4)
			assert_int_equal(walk_enter(&w, openat(w.fd, name, O_RDONLY | O_CLOEXEC)),
					 0);
	}
	assert_int_equal(walk_next(&w, &name), 0);
	assert_int_equal(remove_tree(fd, "t"), 0);
	rmdir(dir);
}

static void test_remove_tree(void **state)
{
	char dir[] = "/tmp/test_base.XXXXXX";
	_cleanup_close_ int fd = -1;
	char path[1200] = "t";
	int i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (i = 0; i < 500; i++)
		strcat(path, "/d");
	assert_int_equal(file_mkdirs(fd, path, 0700), 0);
	assert_int_equal(symlinkat("/etc", fd, "t/out"), 0);
	assert_int_equal(remove_tree(fd, "t"), 0);
	assert_int_equal(faccessat(fd, "t", F_OK, 0), -1);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
	assert_int_equal(remove_tree(fd, "t"), 0);
	rmdir(dir);
}

/* What somebody else does to the tree while it is removed: at the first step up. */
static void (*at_dotdot)(int dirfd);
static int disturbed_fd;

int __real_openat64(int dirfd, const char *path, int flags, ...);
int __wrap_openat64(int dirfd, const char *path, int flags, ...);

int __wrap_openat64(int dirfd, const char *path, int flags, ...)
{
	void (*disturb)(int) = strcmp(path, "..") == 0 ? at_dotdot : NULL;
	mode_t mode = 0;

	if (flags & (O_CREAT | __O_TMPFILE)) {
		va_list ap;

		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (disturb) {
		at_dotdot = NULL;
		disturb(disturbed_fd);
	}
	return __real_openat64(dirfd, path, flags, mode);
}

/* The directory that has just been emptied goes to where there are files of others. */
static void move_away(int dirfd)
{
	assert_int_equal(renameat(dirfd, "t/a/b", dirfd, "others/b"), 0);
}

#define TEMP_DIR "/tmp/test_base.XXXXXX"

/* Create an empty directory; dir receives its name. Returns a descriptor. */
static int make_temp_dir(char *dir)
{
	int fd;

	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void remove_tree_is_moved(void **state)
{
	char dir[] = TEMP_DIR;
	_cleanup_close_ int fd = make_temp_dir(dir);

	(void)state;
	assert_int_equal(file_mkdirs(fd, "t/a/b/c", 0700), 0);
	assert_int_equal(file_mkdirs(fd, "others/kept", 0700), 0);
	disturbed_fd = fd;
	at_dotdot = move_away;
	assert_int_equal(remove_tree(fd, "t"), -ESTALE);
	assert_null(at_dotdot);
	assert_int_equal(faccessat(fd, "others/kept", F_OK, 0), 0);
	assert_int_equal(remove_tree(fd, "t"), 0);
	assert_int_equal(remove_tree(fd, "others"), 0);
	rmdir(dir);
}

/* New files in the directory that has just been emptied and in one whose names are known. */
static void refill(int dirfd)
{
	assert_int_equal(mkdirat(dirfd, "t/a/b/new", 0700), 0);
	assert_int_equal(symlinkat("../others", dirfd, "t/a/b/new/out"), 0);
	assert_int_equal(symlinkat("others", dirfd, "t/0"), 0);
}

static void remove_tree_is_refilled(void **state)
{
	char dir[] = TEMP_DIR;
	_cleanup_close_ int fd = make_temp_dir(dir);

	(void)state;
	assert_int_equal(file_mkdirs(fd, "t/a/b/c/d", 0700), 0);
	assert_int_equal(file_mkdirs(fd, "t/a/e/f", 0700), 0);
	assert_int_equal(file_mkdirs(fd, "others/kept", 0700), 0);
	disturbed_fd = fd;
	at_dotdot = refill;
	assert_int_equal(remove_tree(fd, "t"), 0);
	assert_null(at_dotdot);
	assert_int_equal(faccessat(fd, "t", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(faccessat(fd, "others/kept", F_OK, 0), 0);
	assert_int_equal(remove_tree(fd, "others"), 0);
	rmdir(dir);
}

/* Other users than root cannot read it, and chmod(2) by name could follow a replaced path. */
static void remove_tree_is_shut(void **state)
{
	char dir[] = TEMP_DIR;
	_cleanup_close_ int fd = make_temp_dir(dir);

	(void)state;
	assert_int_equal(file_mkdirs(fd, "t/a/b", 0700), 0);
	assert_int_equal(fchmodat(fd, "t/a/b", 0, 0), 0);
	assert_int_equal(fchmodat(fd, "t/a", 0, 0), 0);
	assert_int_equal(fchmodat(fd, "t", 0500, 0), 0);
	assert_int_equal(remove_tree(fd, "t"), 0);
	assert_int_equal(faccessat(fd, "t", F_OK, 0), -1);
	rmdir(dir);
}

/*
 * in/ has a link "out" to others/, and "file" to a file there; nothing gets there, on the way or at
 * the end.
 */
static void beneath_stays(void **state)
{
	char dir[] = "/tmp/test_base.XXXXXX";
	_cleanup_close_ int top = -1, in = -1, fd = -1;
	struct stat st;
	const char *name;

	(void)state;
	assert_non_null(mkdtemp(dir));
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(file_mkdirs(top, "in/a", 0700), 0);
	assert_int_equal(file_mkdirs(top, "others/d/d", 0700), 0);
	assert_int_equal(symlinkat("../others", top, "in/out"), 0);
	assert_int_equal(symlinkat("../others/f", top, "in/file"), 0);
	in = beneath_dir(top, "in");
	assert_true(in >= 0);
	fd = beneath_open(in, "a/f", O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(beneath_stat(in, "a/f", &st), 0);

	assert_int_equal(beneath_dir(in, "out"), -ELOOP);
	assert_int_equal(beneath_dir(in, "out/d"), -ELOOP);
	assert_int_equal(beneath_dir(in, "../others"), -EXDEV);
	assert_int_equal(beneath_dir(in, dir), -EXDEV);
	assert_int_equal(beneath_parent(in, "..", &name), -EINVAL);
	assert_int_equal(beneath_open(in, "file", O_WRONLY | O_CREAT, 0600), -ELOOP);
	assert_int_equal(beneath_open(in, "out/f", O_WRONLY | O_CREAT, 0600), -ELOOP);
	assert_int_equal(beneath_stat(in, "out/d", &st), -ELOOP);
	assert_int_equal(beneath_mkdir(in, "out/new", 0700), -ELOOP);
	assert_int_equal(beneath_mkdirs(in, "out/new/new", 0700), -ELOOP);
	assert_int_equal(beneath_unlink(in, "out/f"), -ELOOP);
	assert_int_equal(beneath_link(in, "a/f", in, "out/f"), -ELOOP);
	assert_int_equal(beneath_rename(in, "a/f", in, "out/f", 0), -ELOOP);
	assert_int_equal(beneath_rename(in, "out/d", in, "a/d", 0), -ELOOP);
	assert_int_equal(remove_tree_beneath(in, "out/d"), -ELOOP);
	assert_int_equal(beneath_sync_dir(in, "out"), -ELOOP);
	assert_true(beneath_chmod(in, "out", 0) < 0);
	assert_true(beneath_chmod(in, "out/d", 0) < 0);
	assert_int_equal(fstatat(top, "others/d", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	/* What lies in the last place is the link itself. */
	assert_true(beneath_exists(in, "file"));
	assert_int_equal(remove_tree_beneath(in, "out"), 0);
	assert_int_equal(faccessat(top, "others/d/d", F_OK, 0), 0);
	assert_int_equal(remove_tree(top, "in"), 0);
	assert_int_equal(remove_tree(top, "others"), 0);
	rmdir(dir);
}

static void path_cleans(void **state)
{
	static const char *const cases[][2] = {
		{ "/", "/" },
		{ "/a", "/a" },
		{ "/a/", "/a" },
		{ "//a///b//", "/a/b" },
		{ "/./a/./b/.", "/a/b" },
		{ "/a/../b", "/b" },
		{ "/a/b/../..", "/" },
		{ "/..", "/" },
		{ "/../../x", "/x" },
		{ "/a/..b/...", "/a/..b/..." },
		{ "/a/b/../../../c/", "/c" },
	};
	char path[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(path, cases[i][0]);
		path_clean(path);
		assert_string_equal(path, cases[i][1]);
	}
}

static void test_rate(void **state)
{
	static const struct {
		uint64_t done, left;
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, 100, 5000, "" },
		{ 1000000, 1000000, 999, "" },
		{ 2000000, 1000000, 2000, " 1MB/s 2s left" },
		{ 2000000, 0, 2000, " 1MB/s" },
		{ 1000000, 64000000, 1000, " 1MB/s 1m05s left" },
		{ 1000000, UINT64_C(7260000000), 1000, " 1MB/s 2h01m left" },
		{ 1, UINT64_MAX, 100000, " 0B/s" },
		{ UINT64_MAX, 1, 1000, " 1EB/s 1s left" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[PROGRESS_RATE_MAX];

		progress_rate(cases[i].done, cases[i].left, cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

/* How the process that took a record lock goes on. */
enum owner { OWNER_KEEPS, OWNER_LETS_GO, OWNER_ENDS };

/*
 * A process takes a lock on a file for another one, which shares its descriptors. The other one
 * writes a byte when that is done, and goes on until it is killed.
 */
static void hold_lock(const char *file, enum owner how, int ready, int killed)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(file, O_RDWR | O_CLOEXEC), done[2];
	char byte;
	long pid;

	if (fd < 0 || pipe(done) < 0)
		_exit(1);
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fcntl(fd, F_SETLK, &l) < 0)
			_exit(1);
		/* The lock stays: it belongs to the descriptors that were shared. */
		if (how == OWNER_LETS_GO) {
			if (unshare(CLONE_FILES) < 0 || (done[1] = dup2(done[1], 0)) != 0 ||
			    syscall(SYS_close_range, 1, ~0u, 0) < 0)
				_exit(1);
		}
		if (how == OWNER_ENDS)
			_exit(0);
		(void)!write(done[1], "x", 1);
		for (;;)
			pause();
	}
	if (how == OWNER_ENDS ? waitpid((pid_t)pid, NULL, 0) != pid : read(done[0], &byte, 1) != 1)
		_exit(1);
	(void)!write(ready, "x", 1);
	(void)!read(killed, &byte, 1);
	/* The next case takes the lock: it must have been released. */
	if (how != OWNER_ENDS &&
	    (kill((pid_t)pid, SIGKILL) < 0 || waitpid((pid_t)pid, NULL, 0) < 0))
		_exit(1);
	_exit(0);
}

static int owner_of(const char *file, enum owner how)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	int ready[2], killed[2], r;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(killed), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(killed[1]);
		hold_lock(file, how, ready[1], killed[0]);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_true(lock_owner_pid(fd) > 0);
	r = lock_owner_open(fd);
	close(ready[0]);
	close(killed[0]);
	close(killed[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return r;
}

static void lock_owners(void **state)
{
	char file[] = "/tmp/test_base.XXXXXX";
	_cleanup_close_ int fd = mkstemp(file), pidfd = -1;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(lock_owner_pid(fd), 0);
	assert_int_equal(lock_owner_open(fd), -ENOENT);
	pidfd = owner_of(file, OWNER_KEEPS);
	assert_true(pidfd >= 0);
	assert_int_equal(owner_of(file, OWNER_LETS_GO), -EBUSY);
	assert_int_equal(owner_of(file, OWNER_ENDS), -EBUSY);
	unlink(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_ago),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_error_text),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_ring_fails),
		cmocka_unit_test(walk_returns_directories_again),
		cmocka_unit_test(test_remove_tree),
		cmocka_unit_test(path_cleans),
		cmocka_unit_test(remove_tree_is_moved),
		cmocka_unit_test(remove_tree_is_refilled),
		cmocka_unit_test(remove_tree_is_shut),
		cmocka_unit_test(beneath_stays),
		cmocka_unit_test(lock_owners),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
