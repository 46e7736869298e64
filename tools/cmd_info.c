/*
 * imagefs info: what a bug report needs. Everything is collected into one JSON object; the text is
 * a template over it. What cannot be found out is named, and the rest is printed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/conffile.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/map.h"
#include "base/program.h"
#include "base/text.h"
#include "registry/http/http.h"
#include "store/container/container.h"
#include "store/disk/layout.h"
#include "store/disk/mounts.h"
#include "store/disk/refs.h"
#include "store/disk/store.h"
#include "store/layer/encode.h"
#include "store/layer/tarlib.h"
#include "store/oci/digest.h"
#include "store/show/template.h"
#include "tools/kernel.h"
#include "tools/run/daemon.h"
#include "tools/run/idmap.h"
#include "tools/verb.h"

DEFINE_CLEANUP_PTR(struct store, store_close);
DEFINE_CLEANUP_PTR(struct template, template_free);

/* How long another program has for its version. */
#define PROGRAM_MS 5000

static const char text_form[] = "Version: {{.ServerVersion}}\n"
				"Mount Helper: {{.MountHelper.Path}}\n"
				"{{range .MountHelper.Version}} {{.}}\n{{end}}"
				"{{with .MountHelper.Error}} Error: {{.}}\n{{end}}"
				"Libraries:\n"
				"{{range .Libraries}} {{.Name}}: {{.Version}}\n{{end}}"
				"Kernel Version: {{.KernelVersion}}\n"
				"{{range .KernelFeatures}} {{.Label}}: {{.Answer}}\n{{end}}"
				"Operating System: {{.OperatingSystem}}\n"
				"Architecture: {{.Architecture}}\n"
				"CPUs: {{.NCPU}}\n"
				"Total Memory: {{.Memory}}\n"
				"User ID: {{.UserID}}\n"
				"OCI Runtimes:{{if not .Runtimes}} none{{end}}\n"
				"{{range .Runtimes}} {{.Name}}: {{.Version}} ({{.Path}})\n{{end}}"
				"Store: {{.Store.Path}}\n"
				" State: {{.Store.State}}\n"
				"{{with .Store.Reason}} Reason: {{.}}\n{{end}}"
				" File System: {{.Store.FileSystem}}\n"
				" Free Space: {{.Store.Free}}\n"
				"Images: {{.Images}}\n"
				"Containers: {{.Containers}}\n"
				"Mounts:{{if not .Mounts}} none{{end}}\n"
				"{{range .Mounts}} {{.Directory}}: process {{.Process}}\n{{end}}";

/*
 * json_object_set_new() and json_array_append_new() fail for a value that is NULL, and take any
 * other one.
 */
static int set(json_t *obj, const char *key, json_t *value)
{
	return json_object_set_new(obj, key, value) < 0 ? -ENOMEM : 0;
}

/* Text from outside, which may be no UTF-8. */
static int set_text(json_t *obj, const char *key, const char *text)
{
	struct buf escaped _cleanup_buf_ = BUF_INIT;
	json_t *value = json_string(text);

	if (!value && text_escape(&escaped, text) == 0)
		value = json_string(buf_str(&escaped));
	return set(obj, key, value);
}

/* --- programs ------------------------------------------------------------------------------- */

/* What a program prints for --version, at most 4 KiB. 0 or -errno. */
static int version_of(const char *path, struct buf *out)
{
	char *const argv[] = { (char *)path, (char *)"--version", NULL };
	_cleanup_close_ int from = -1, to = -1, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fds[2], std[3], r, status;
	char part[512];
	pid_t pid;
	ssize_t n = 0;

	if (null < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	from = fds[0];
	to = fds[1];
	std[0] = std[2] = null;
	std[1] = to;
	r = program_start(argv, std, &pid);
	if (r < 0)
		return r;
	close(TAKE_FD(to));
	while (r == 0 && out->len < 4096) {
		struct pollfd p = { .fd = from, .events = POLLIN };

		if (poll(&p, 1, PROGRAM_MS) <= 0)
			r = -ETIMEDOUT;
		else if ((n = read(from, part, sizeof(part))) <= 0)
			break;
		else
			r = buf_append(out, part, (size_t)n);
	}
	if (r < 0)
		kill(pid, SIGKILL);
	close(TAKE_FD(from));
	status = program_wait(pid);
	return r < 0 ? r : status == 0 ? 0 : -EIO;
}

/* A list of at most n lines. NULL: no memory. */
static json_t *lines_of(const char *text, unsigned n)
{
	_cleanup_json_ json_t *list = json_array();

	while (list && *text && n--) {
		size_t len = strcspn(text, "\n");
		_cleanup_free_ char *line = strndup(text, len);
		_cleanup_json_ json_t *holder = json_object();

		if (!line || set_text(holder, "line", line) < 0 ||
		    json_array_append(list, json_object_get(holder, "line")) < 0)
			return NULL;
		text += len + (text[len] == '\n');
	}
	return TAKE_PTR(list);
}

static int add_mount_helper(json_t *info)
{
	struct buf path _cleanup_buf_ = BUF_INIT, version _cleanup_buf_ = BUF_INIT;
	json_t *helper = json_object();
	struct err err = ERR_INIT;
	int r = set(info, "MountHelper", helper);

	if (r < 0)
		return r;
	if (daemon_path(&path, &err) < 0)
		return set_text(helper, "Path", "not found") < 0 ||
				       set(helper, "Version", json_array()) < 0 ||
				       set_text(helper, "Error", err.msg) < 0
			       ? -ENOMEM
			       : 0;
	r = version_of(buf_str(&path), &version);
	if (set_text(helper, "Path", buf_str(&path)) < 0 ||
	    set(helper, "Version", lines_of(buf_str(&version), 2)) < 0)
		return -ENOMEM;
	return set_text(helper, "Error", r < 0 ? strerror(-r) : "");
}

static int add_runtimes(json_t *info)
{
	static const char *const names[] = { "crun", "runc" };
	json_t *list = json_array();
	size_t i;

	if (set(info, "Runtimes", list) < 0)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = program_find(names[i]);
		struct buf version _cleanup_buf_ = BUF_INIT;
		json_t *one;
		int r;

		if (!path)
			continue;
		r = version_of(path, &version);
		one = json_object();
		if (json_array_append_new(list, one) < 0)
			return -ENOMEM;
		if (r == 0 && version.len)
			version.data[strcspn(version.data, "\n")] = '\0';
		if (set_text(one, "Name", names[i]) < 0 || set_text(one, "Path", path) < 0 ||
		    set_text(one, "Version", r < 0 ? strerror(-r) : buf_str(&version)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* --- this machine --------------------------------------------------------------------------- */

static int add_libraries(json_t *info)
{
	const struct {
		const char *name, *version;
	} libraries[] = {
		{ "libarchive", tarlib_version() },	 { "jansson", json_library_version() },
		{ "OpenSSL", digest_library_version() }, { "libcurl", http_library_version() },
		{ "zlib", encode_zlib_version() },	 { "zstd", encode_zstd_version() },
		{ "libsubid", idmap_library_version() },
	};
	json_t *list = json_array();
	size_t i;

	if (set(info, "Libraries", list) < 0)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(libraries); i++) {
		json_t *one = json_object();

		if (json_array_append_new(list, one) < 0 ||
		    set_text(one, "Name", libraries[i].name) < 0 ||
		    set_text(one, "Version", libraries[i].version) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_kernel(json_t *info)
{
	json_t *list = json_array();
	struct utsname u;
	char answer[128];
	size_t i;

	if (set(info, "KernelFeatures", list) < 0 || uname(&u) < 0 ||
	    set_text(info, "KernelVersion", u.release) < 0 ||
	    set_text(info, "Architecture", u.machine) < 0)
		return -ENOMEM;
	for (i = 0; i < kernel_n_features; i++) {
		json_t *one = json_object();

		kernel_answer(kernel_features[i].probe(), answer);
		if (json_array_append_new(list, one) < 0 ||
		    set_text(one, "Name", kernel_features[i].name) < 0 ||
		    set_text(one, "Label", kernel_features[i].label) < 0 ||
		    set_text(one, "Answer", answer) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* PRETTY_NAME of os-release(5). */
static int add_system(json_t *info)
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES);
	uint64_t memory = (uint64_t)MAX(pages, 0) * (uint64_t)sysconf(_SC_PAGESIZE);
	_cleanup_free_ char *name = NULL;
	const char *p = NULL;
	char size[32];

	if (conffile_read("/etc/os-release", 64 << 10, &text, NULL) == 0)
		p = strstr(buf_str(&text), "PRETTY_NAME=");
	if (p) {
		p += strlen("PRETTY_NAME=");
		p += strspn(p, "\"'");
		name = strndup(p, strcspn(p, "\"'\n"));
	}
	text_size_long(memory, size);
	return set_text(info, "OperatingSystem", name ? name : "unknown") < 0 ||
			       set(info, "NCPU", json_integer(cpus)) < 0 ||
			       set(info, "MemTotal", json_integer((json_int_t)memory)) < 0 ||
			       set_text(info, "Memory", size) < 0 ||
			       set(info, "UserID", json_integer(geteuid())) < 0
		       ? -ENOMEM
		       : 0;
}

/* --- the store ------------------------------------------------------------------------------ */

/* The file system of a directory, as /proc/self/mountinfo has it; "unknown". */
static void file_system(const char *path, char out[static 64])
{
	struct buf text _cleanup_buf_ = BUF_INIT;
	char device[32], *line, *save = NULL;
	struct stat st;

	snprintf(out, 64, "unknown");
	if (stat(path, &st) < 0)
		return;
	snprintf(device, sizeof(device), "%u:%u", major(st.st_dev), minor(st.st_dev));
	if (file_read(AT_FDCWD, "/proc/self/mountinfo", 16u << 20, &text, NULL) < 0)
		return;
	for (line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *type = strstr(line, " - ");
		char found[32] = "";

		if (type && sscanf(line, "%*s %*s %31s", found) == 1 && strcmp(found, device) == 0)
			snprintf(out, 64, "%.*s", (int)strcspn(type + 3, " "), type + 3);
	}
}

/* The directory itself or the nearest one above it that exists: where a new store would be made. */
static int nearest(const char *path, char **out)
{
	_cleanup_free_ char *p = strdup(path);
	char *slash;

	while (p && access(p, F_OK) < 0 && (slash = strrchr(p, '/'))) {
		if (slash == p) {
			p[1] = '\0';
			break;
		}
		*slash = '\0';
	}
	*out = p ? TAKE_PTR(p) : NULL;
	return *out ? 0 : -ENOMEM;
}

static int add_space(json_t *store, const char *path)
{
	_cleanup_free_ char *dir = NULL;
	char type[64], space[32] = "unknown";
	struct statvfs sv;
	json_int_t available = -1;

	if (nearest(path, &dir) < 0)
		return -ENOMEM;
	file_system(dir, type);
	if (statvfs(dir, &sv) == 0) {
		available = (json_int_t)sv.f_bavail * (json_int_t)sv.f_frsize;
		text_size_long((uint64_t)available, space);
	}
	return set_text(store, "FileSystem", type) < 0 ||
			       set(store, "Available", json_integer(available)) < 0 ||
			       set_text(store, "Free", space) < 0
		       ? -ENOMEM
		       : 0;
}

static int set_state(json_t *store, const char *state, const char *reason)
{
	return set_text(store, "State", state) < 0 ? -ENOMEM : set_text(store, "Reason", reason);
}

/* Images with different IDs, as docker counts them. */
static int count_images(const struct refs *refs, size_t *out)
{
	struct map ids = MAP_INIT;
	size_t i;
	int r = 0;

	for (i = 0; i < refs->n && r == 0; i++) {
		const struct ref *ref = &refs->v[i];

		r = map_put(&ids, digest_is_set(&ref->id) ? ref->id.str : ref->desc.digest.str,
			    &ids);
	}
	*out = ids.n;
	map_fini(&ids, NULL);
	return r;
}

static int add_mounts(json_t *list, struct store *s)
{
	_cleanup_free_ pid_t *pids = NULL;
	char **dirs = mounts_list(s, &pids);
	size_t i;
	int r = dirs ? 0 : -ENOMEM;

	for (i = 0; r == 0 && dirs[i]; i++) {
		json_t *one = json_object();

		if (json_array_append_new(list, one) < 0 ||
		    set_text(one, "Directory", dirs[i]) < 0 ||
		    set(one, "Process", json_integer(pids[i])) < 0)
			r = -ENOMEM;
	}
	mounts_dirs_free(dirs);
	return r;
}

/* *err: what of a damaged store cannot be read. 0 or -ENOMEM. */
static int add_contents(json_t *info, struct store *s, struct err *err)
{
	_cleanup_refs_ struct refs refs = { 0 };
	char **names = NULL;
	size_t images = 0, containers = 0;
	int r = refs_read(s, &refs, err);

	if (r == 0)
		r = count_images(&refs, &images);
	if (r == -ENOMEM)
		return r;
	if (container_list(s, &names, err) == 0)
		while (names[containers])
			containers++;
	container_list_free(names);
	return set(info, "Images", json_integer((json_int_t)images)) < 0 ||
			       set(info, "Containers", json_integer((json_int_t)containers)) < 0
		       ? -ENOMEM
		       : add_mounts(json_object_get(info, "Mounts"), s);
}

/* NULL: the store exists, or something else than a directory; else why there is none. */
static const char *not_a_store(const char *path, const char **state)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **names = NULL;
	size_t n = 0;

	if ((fd < 0 && errno != ENOENT) || (fd >= 0 && layout_exists(fd)))
		return NULL;
	if (fd >= 0 && file_names(fd, &names, &n) == 0)
		file_names_free(names);
	*state = n ? "not a store" : "not made yet";
	return n ? "the directory contains other files"
		 : "the first command that needs it makes it";
}

static int add_open_store(json_t *info, json_t *store, const char *path)
{
	_cleanup_(cleanup_store_close) struct store *s = NULL;
	const char *state, *why = not_a_store(path, &state);
	struct err err = ERR_INIT;
	int r;

	if (why)
		return set_state(store, state, why);
	r = store_open(path, &s, &err);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return set_state(store, "cannot be opened", err.msg);
	r = add_contents(info, s, &err);
	if (r < 0)
		return r;
	return set_state(store,
			 s->read_only ? "read-only"
			 : err.code   ? "damaged"
				      : "writable",
			 s->read_only ? s->read_only : err.msg);
}

static int add_store(json_t *info, const struct globals *g)
{
	_cleanup_free_ char *path = NULL;
	json_t *store = json_object();
	struct err err = ERR_INIT;
	int r;

	if (set(info, "Store", store) < 0 || set(info, "Mounts", json_array()) < 0 ||
	    set(info, "Images", json_integer(0)) < 0 ||
	    set(info, "Containers", json_integer(0)) < 0)
		return -ENOMEM;
	if (g->store_path) {
		path = strdup(g->store_path);
	} else {
		r = store_default_path(&path, &err);
		if (r < 0 && r != -ENOMEM)
			return set_text(store, "Path", "") < 0 || add_space(store, "/") < 0
				       ? -ENOMEM
				       : set_state(store, "unknown", err.msg);
	}
	if (!path || set_text(store, "Path", path) < 0 || add_space(store, path) < 0)
		return -ENOMEM;
	return add_open_store(info, store, path);
}

/* --- output --------------------------------------------------------------------------------- */

static int collect(const struct globals *g, json_t **out)
{
	_cleanup_json_ json_t *info = json_object();

	if (!info || set_text(info, "ServerVersion", PACKAGE_VERSION) < 0 ||
	    add_mount_helper(info) < 0 || add_libraries(info) < 0 || add_kernel(info) < 0 ||
	    add_system(info) < 0 || add_runtimes(info) < 0 || add_store(info, g) < 0)
		return -ENOMEM;
	*out = TAKE_PTR(info);
	return 0;
}

static int print(const json_t *info, const char *format, struct err *err)
{
	_cleanup_(cleanup_template_free) struct template *t = NULL;
	struct buf out _cleanup_buf_ = BUF_INIT;
	int r;

	if (format && strcmp(format, "json") == 0) {
		r = json_text(info, &out) < 0 ? err_nomem(err) : 0;
	} else {
		r = template_new(format ? format : text_form, &t, err);
		if (r == 0)
			r = template_run(t, info, &out, err);
	}
	if (r == 0 && format && buf_putc(&out, '\n') < 0)
		r = err_nomem(err);
	if (r == 0)
		fwrite(buf_str(&out), 1, out.len, stdout);
	return r;
}

struct wish {
	const char *format;
};

static const struct option_spec options[] = {
	{ 'f', "format", "FORMAT", "json or a Go template; the fields are those of json",
	  OPTION(struct wish, format), .values = "json" },
	OPTIONS_END,
};

static int run(const struct verb *v, const struct globals *g, int argc, char **argv)
{
	_cleanup_json_ json_t *info = NULL;
	struct wish w = { .format = NULL };
	struct err err = ERR_INIT;

	verb_options(v, &argc, &argv, &w);
	if (argc > 0)
		return verb_usage(v, "unexpected argument %s", argv[0]);
	if (collect(g, &info) < 0) {
		err_nomem(&err);
		return verb_fail(v, &err);
	}
	return print(info, w.format, &err) < 0 ? verb_fail(v, &err) : 0;
}

const struct verb cmd_info = {
	.name = "info",
	.summary = "Show versions, kernel features, the store and its mounts",
	.arguments = "",
	.options = options,
	.help = "The store is not changed, and not made if it is missing.\n"
		"\n"
		"Examples:\n"
		"  imagefs info\n"
		"  imagefs info --format '{{.KernelVersion}} {{.Store.State}}'\n",
	.run = run,
};
