/*
 * What a runtime is told: the merge of an image's config with the user's words, and whom User
 * means.
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

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/remove_tree.h"
#include "tools/run/bundle.h"
#include "tools/run/image_passwd.h"

static const char image[] =
	"{\"config\": {"
	"\"Env\": [\"PATH=/opt/bin\", \"A=image\", \"B=image\", \"=x\", \"none\"],"
	"\"Entrypoint\": [\"/entry\", \"-x\"], \"Cmd\": [\"cmd\", \"arg\"],"
	"\"WorkingDir\": \"/work\", \"User\": \"daemon\","
	"\"Volumes\": {\"/b\": {}, \"/a\": {}}}}";

static json_t *config(const char *text)
{
	json_t *j = NULL;

	assert_int_equal(json_parse(text, strlen(text), "test", &j, NULL), 0);
	return j;
}

/* Strings with blanks between. */
static void assert_words(char *const *v, const char *expected)
{
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; v && v[i]; i++)
		assert_int_equal(buf_printf(&b, "%s%s", i ? " " : "", v[i]), 0);
	assert_string_equal(buf_str(&b), expected);
	buf_fini(&b);
}

static void assert_args(const char *text, const char *entrypoint, const char *const *command,
			const char *expected)
{
	const struct bundle_options o = { .entrypoint = entrypoint,
					  .command = (char *const *)command };
	struct err err = ERR_INIT;
	struct bundle b;
	json_t *j = config(text);
	int r = bundle_init(&b, j, &o, &err);

	if (expected) {
		assert_int_equal(r, 0);
		assert_words(b.args, expected);
	} else {
		assert_int_equal(r, -EINVAL);
		assert_non_null(strstr(err.msg, "no command specified"));
	}
	bundle_fini(&b);
	json_decref(j);
}

static void commands(void **state)
{
	const char *const none[] = { NULL }, *const two[] = { "x", "y", NULL };

	(void)state;
	assert_args(image, NULL, none, "/entry -x cmd arg");
	assert_args(image, NULL, two, "/entry -x x y");
	assert_args(image, "/mine", none, "/mine");
	assert_args(image, "/mine", two, "/mine x y");
	assert_args(image, "", two, "x y");
	assert_args(image, "", none, NULL);
	assert_args("{}", NULL, none, NULL);
	assert_args("{\"config\": null}", NULL, two, "x y");
	assert_args("{\"config\": {\"Cmd\": null, \"Entrypoint\": null}}", NULL, two, "x y");
	assert_args("{\"config\": {\"Cmd\": []}}", NULL, none, NULL);
}

static void variables(void **state)
{
	const char *command[] = { "x", NULL };
	const char *env[] = { "B=mine", "C=1", "A", "C=2", "D", "E=a=b", NULL };
	struct bundle_options o = { .command = (char *const *)command,
				    .env = (char *const *)env,
				    .hostname = "h",
				    .tty = true };
	struct bundle b;
	json_t *j = config(image);

	(void)state;
	assert_int_equal(bundle_init(&b, j, &o, NULL), 0);
	assert_words(b.env, "PATH=/opt/bin HOSTNAME=h TERM=xterm B=mine C=2 E=a=b");
	bundle_fini(&b);
	o.env = NULL;
	o.tty = false;
	assert_int_equal(bundle_init(&b, j, &o, NULL), 0);
	assert_words(b.env, "PATH=/opt/bin HOSTNAME=h A=image B=image");
	bundle_fini(&b);
	json_decref(j);
	j = config("{}");
	assert_int_equal(bundle_init(&b, j, &o, NULL), 0);
	assert_words(
		b.env,
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOSTNAME=h");
	assert_string_equal(b.workdir, "/");
	assert_string_equal(b.user, "");
	bundle_fini(&b);
	json_decref(j);
}

static void places(void **state)
{
	const char *command[] = { "x", NULL };
	struct bundle_options o = { .command = (char *const *)command };
	struct err err = ERR_INIT;
	struct bundle b;
	json_t *j = config(image);

	(void)state;
	assert_int_equal(bundle_init(&b, j, &o, NULL), 0);
	assert_string_equal(b.workdir, "/work");
	assert_string_equal(b.user, "daemon");
	assert_words(b.volumes, "/a /b");
	bundle_fini(&b);
	o.workdir = "/mine";
	o.user = "0";
	assert_int_equal(bundle_init(&b, j, &o, NULL), 0);
	assert_string_equal(b.workdir, "/mine");
	assert_string_equal(b.user, "0");
	bundle_fini(&b);
	o.workdir = "a\nb";
	assert_int_equal(bundle_init(&b, j, &o, &err), -EINVAL);
	assert_null(strchr(err.msg, '\n'));
	bundle_fini(&b);
	json_decref(j);
}

/* The whole as JSON; the caller's. */
static json_t *made(const struct bundle_place *p, const struct user *u, bool tty)
{
	const char *command[] = { "x", NULL };
	const struct bundle_options o = { .command = (char *const *)command,
					  .hostname = "h",
					  .tty = tty };
	struct buf text = BUF_INIT;
	struct bundle b;
	json_t *j = config(image), *out;

	assert_int_equal(bundle_init(&b, j, &o, NULL), 0);
	assert_int_equal(bundle_config(&b, u, p, &text, NULL), 0);
	json_decref(j);
	bundle_fini(&b);
	out = config(buf_str(&text));
	buf_fini(&text);
	return out;
}

static const char *mount_at(json_t *root, const char *target, const char *key, size_t *pos)
{
	json_t *m;
	size_t i;

	json_array_foreach(json_object_get(root, "mounts"), i, m) {
		if (strcmp(json_str(m, "destination"), target) == 0) {
			*pos = i;
			return json_str(m, key);
		}
	}
	return NULL;
}

static bool holds(const json_t *list, const char *word)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (json_is_string(item) && strcmp(json_string_value(item), word) == 0)
			return true;
	}
	return false;
}

static void whole_config(void **state)
{
	uint32_t groups[] = { 2, 7 };
	struct user u = { 1, 2, groups, 2, (char *)"/home/x" };
	const struct bundle_bind binds[] = {
		{ .source = "/h/deep", .target = "/a/b/c", .ro = true },
		{ .source = "/h/top", .target = "/a", .propagation = "rslave" }
	};
	struct bundle_place p = { .rootfs = "/r",
				  .workdir = "/w",
				  .cgroup = "/c",
				  .tty_group = true,
				  .setgroups = true,
				  .binds = binds,
				  .n_binds = 2 };
	json_t *j = made(&p, &u, true), *process = json_object_get(j, "process"), *caps, *m;
	size_t top, deep;

	(void)state;
	assert_string_equal(json_str(j, "hostname"), "h");
	assert_true(json_is_true(json_object_get(process, "terminal")));
	assert_string_equal(json_str(process, "cwd"), "/w");
	assert_true(holds(json_object_get(process, "env"), "HOME=/home/x"));
	m = json_object_get(process, "user");
	assert_int_equal(json_integer_value(json_object_get(m, "uid")), 1);
	assert_int_equal(json_integer_value(json_object_get(m, "gid")), 2);
	assert_int_equal(json_array_size(json_object_get(m, "additionalGids")), 2);
	caps = json_object_get(process, "capabilities");
	assert_true(holds(json_object_get(caps, "bounding"), "CAP_CHOWN"));
	assert_false(holds(json_object_get(caps, "bounding"), "CAP_MKNOD"));
	assert_false(holds(json_object_get(caps, "bounding"), "CAP_SYS_ADMIN"));
	/* Not root's. */
	assert_int_equal(json_array_size(json_object_get(caps, "effective")), 0);
	assert_string_equal(mount_at(j, "/sys", "type", &top), "sysfs");
	assert_string_equal(mount_at(j, "/a", "source", &top), "/h/top");
	assert_string_equal(mount_at(j, "/a/b/c", "source", &deep), "/h/deep");
	assert_true(deep > top);
	m = json_array_get(json_object_get(j, "mounts"), deep);
	assert_true(holds(json_object_get(m, "options"), "ro"));
	m = json_array_get(json_object_get(j, "mounts"), top);
	assert_true(holds(json_object_get(m, "options"), "rw"));
	assert_true(holds(json_object_get(m, "options"), "rslave"));
	m = json_object_get(json_object_get(j, "linux"), "namespaces");
	assert_int_equal(json_array_size(m), 4);
	json_decref(j);

	u.uid = 0;
	j = made(&p, &u, false);
	caps = json_object_get(json_object_get(j, "process"), "capabilities");
	assert_true(holds(json_object_get(caps, "effective"), "CAP_CHOWN"));
	json_decref(j);
}

/* One id, no groups: nothing is asked for that has no number there. */
static void config_in_a_user_name_space(void **state)
{
	uint32_t groups[] = { 0 };
	const struct user u = { 0, 0, groups, 1, (char *)"/" };
	const struct bundle_place p = { .rootfs = "/r", .workdir = "/", .userns = true };
	json_t *j = made(&p, &u, false), *m;
	size_t at;

	(void)state;
	assert_null(json_object_get(json_object_get(json_object_get(j, "process"), "user"),
				    "additionalGids"));
	assert_null(json_object_get(json_object_get(j, "linux"), "cgroupsPath"));
	assert_string_equal(mount_at(j, "/sys", "source", &at), "/sys");
	assert_non_null(mount_at(j, "/dev/pts", "type", &at));
	m = json_array_get(json_object_get(j, "mounts"), at);
	assert_false(holds(json_object_get(m, "options"), "gid=5"));
	json_decref(j);
}

static void no_utf8(void **state)
{
	const char *command[] = { "x", "\xff\xfe\x1b", NULL };
	const struct bundle_options o = { .command = (char *const *)command };
	const struct bundle_place p = { .rootfs = "/r", .workdir = "/" };
	const struct user u = { .home = (char *)"/" };
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	struct bundle b;
	json_t *j = config("{}");

	(void)state;
	assert_int_equal(bundle_init(&b, j, &o, NULL), 0);
	assert_int_equal(bundle_config(&b, &u, &p, &text, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "\\xff\\xfe\\x1b"));
	assert_int_equal(text.len, 0);
	bundle_fini(&b);
	json_decref(j);
}

/* --- users --- */

struct world {
	char dir[32];
	int root;
};

static void put(int root, const char *name, const char *text)
{
	int fd;

	unlinkat(root, name, 0);
	fd = openat(root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/imagefs-user.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->root = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(w->root, "etc", 0755), 0);
	put(w->root, "etc/passwd",
	    "# a comment\n\nbroken\nalso:x:notanumber:1::/:\n"
	    "root:x:0:0:root:/root:/bin/sh\n"
	    "web:x:33:34:the web:/var/www:/bin/sh\n"
	    "twin:x:33:99::/twin:\n"
	    "homeless:x:40:40:::\n"
	    "short:x:41:42\n"
	    "77:x:78:79::/seven:\n"
	    "last:x:90:91::/last:/bin/sh");
	put(w->root, "etc/group",
	    "root:x:0:\nweb:x:34:\nadm:x:4:root,web\nweb2:x:50:web\n"
	    "other:x:51:webber,we,xweb\nbad:x:z:web\ndouble:x:50:web\n");
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

/* "uid gid groups home", or the message. */
static void assert_user(int root, const char *spec, const char *expected)
{
	struct err err = ERR_INIT;
	struct buf b = BUF_INIT;
	struct user u;
	size_t i;

	alarm(60);
	if (user_find(root, spec, &u, &err) < 0) {
		assert_string_equal(err.msg, expected);
		return;
	}
	alarm(0);
	IGNORE(buf_printf(&b, "%u %u ", u.uid, u.gid));
	for (i = 0; i < u.n_groups; i++)
		IGNORE(buf_printf(&b, "%s%u", i ? "," : "", u.groups[i]));
	IGNORE(buf_printf(&b, " %s", u.home));
	assert_string_equal(buf_str(&b), expected);
	buf_fini(&b);
	user_fini(&u);
}

/*
 * As in docker, with two exceptions. Docker reads an invalid line as one about root. For a name
 * whose ID another name has too, docker uses the home of the other name.
 */
static void users(void **state)
{
	int root = ((struct world *)*state)->root;

	assert_user(root, "", "0 0 0,4 /root");
	assert_user(root, "0", "0 0 0,4 /root");
	assert_user(root, "root", "0 0 0,4 /root");
	assert_user(root, "web", "33 34 34,4,50 /var/www");
	assert_user(root, "33", "33 34 34,4,50 /var/www");
	assert_user(root, "33:0", "33 0 0 /var/www");
	assert_user(root, "web:adm", "33 4 4 /var/www");
	assert_user(root, "web:4711", "33 4711 4711 /var/www");
	assert_user(root, "web:", "33 34 34,4,50 /var/www");
	assert_user(root, "twin", "33 99 99 /twin");
	assert_user(root, "homeless", "40 40 40 /");
	assert_user(root, "short", "41 42 42 /");
	assert_user(root, "last", "90 91 91 /last");
	/* A number is a number. */
	assert_user(root, "77", "77 0 0 /");
	assert_user(root, "12345", "12345 0 0 /");
	assert_user(root, "12345:6", "12345 6 6 /");
	assert_user(root, "nobody",
		    "unable to find user nobody: no matching entries in passwd file");
	assert_user(root, "also", "unable to find user also: no matching entries in passwd file");
	assert_user(root, "web:none",
		    "unable to find group none: no matching entries in group file");
	assert_user(root, "-1", "uids and gids must be in range 0-2147483647");
	assert_user(root, "4294967295", "uids and gids must be in range 0-2147483647");
	assert_user(root, "0:2147483648", "uids and gids must be in range 0-2147483647");
	assert_user(root, "2147483647", "2147483647 0 0 /");
	assert_user(root, "-", "unable to find user -: no matching entries in passwd file");
	assert_user(root, "0:bad", "unable to find group bad: no matching entries in group file");
	assert_user(root, "\x1b[31m",
		    "unable to find user \\x1b[31m: no matching entries in passwd file");
}

static void no_files(void **state)
{
	int root = ((struct world *)*state)->root;

	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);
	assert_int_equal(unlinkat(root, "etc/group", 0), 0);
	assert_user(root, "", "0 0 0 /");
	assert_user(root, "5:6", "5 6 6 /");
	assert_user(root, "web", "unable to find user web: no matching entries in passwd file");
	assert_int_equal(mkfifoat(root, "etc/passwd", 0644), 0);
	assert_user(root, "5", "/etc/passwd of the image is no regular file");
	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);
	assert_int_equal(symlinkat("passwd", root, "etc/passwd"), 0);
	assert_user(root, "5", "5 0 0 /");
	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);
	/* The host's has a root with a home. */
	assert_int_equal(symlinkat("/proc/self/root/etc/passwd", root, "etc/passwd"), 0);
	assert_user(root, "0", "0 0 0 /");
	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);
	assert_int_equal(symlinkat("../../../../../../etc/passwd", root, "etc/passwd"), 0);
	assert_user(root, "0", "0 0 0 /");
}

/* Lines that end nowhere, and a file that does not either. */
static void huge_files(void **state)
{
	int root = ((struct world *)*state)->root, fd;
	static char line[1u << 20];

	memset(line, 'x', sizeof(line));
	put(root, "etc/passwd", "first:x:1:1::/first:\n");
	fd = openat(root, "etc/passwd", O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(file_write_all(fd, line, sizeof(line)), 0);
	assert_int_equal(file_write_all(fd, ":x:5:5::/long:\nafter:x:2:2::/after:\n", 36), 0);
	assert_user(root, "after", "2 2 2 /after");
	assert_user(root, "first", "1 1 1 /first");
	assert_user(root, "5", "5 0 0 /");
	/* A hole of a tebibyte. */
	assert_int_equal(ftruncate(fd, 1ll << 40), 0);
	assert_user(root, "after", "/etc/passwd of the image is too large");
	close(fd);
	assert_int_equal(mkfifoat(root, "fifo", 0644), 0);
	assert_int_equal(unlinkat(root, "etc/group", 0), 0);
	assert_int_equal(symlinkat("/fifo", root, "etc/group"), 0);
	put(root, "etc/passwd", "x:x:1:1::/:\n");
	assert_user(root, "x", "/etc/group of the image is no regular file");
	assert_int_equal(unlinkat(root, "etc/group", 0), 0);
	put(root, "etc/passwd", ":::::::\n::0:0:::\nx\n:x:7:7::/:\nok:x:8:8::relative:\n");
	assert_user(root, "ok", "8 8 8 /");
	assert_user(root, "7", "7 0 0 /");
}

static void many_groups(void **state)
{
	int root = ((struct world *)*state)->root, i;
	struct buf b = BUF_INIT;
	struct user u;

	for (i = 0; i < 3000; i++)
		assert_int_equal(buf_printf(&b, "g%d:x:%d:web\n", i, 100 + i), 0);
	put(root, "etc/group", buf_str(&b));
	buf_fini(&b);
	assert_int_equal(user_find(root, "web", &u, NULL), 0);
	assert_int_equal(u.n_groups, USERS_GROUPS_MAX);
	user_fini(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands),
		cmocka_unit_test(variables),
		cmocka_unit_test(places),
		cmocka_unit_test(whole_config),
		cmocka_unit_test(config_in_a_user_name_space),
		cmocka_unit_test(no_utf8),
		cmocka_unit_test_setup_teardown(users, setup, teardown),
		cmocka_unit_test_setup_teardown(no_files, setup, teardown),
		cmocka_unit_test_setup_teardown(huge_files, setup, teardown),
		cmocka_unit_test_setup_teardown(many_groups, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
