/* spec    execve(2); elf(5) */
#include "tools/run/exec_error.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/inroot.h"
#include "base/text.h"

/* Bytes that the kernel reads to detect the format; a longer #! line is truncated. */
#define HEAD 256
/* Maximum nesting of interpreters in the kernel. */
#define DEPTH 5
#define PHDRS_MAX 64

#define CANNOT_EXECUTE 126
#define NOT_FOUND 127

struct look {
	int rootfd;
	const char *name; /* as the user typed it */
	struct err *err;
};

/* Set the message: before, "what", after. */
static int say(const struct look *l, int status, const char *before, const char *what,
	       const char *after)
{
	struct buf name _cleanup_buf_ = BUF_INIT, shown _cleanup_buf_ = BUF_INIT;

	text_escape(&name, l->name);
	if (what)
		text_quote(&shown, what, strlen(what));
	err_set(l->err, status == NOT_FOUND ? ENOENT : ENOEXEC, "%.200s: %s%.200s%s",
		buf_str(&name), before, buf_str(&shown), after);
	return status;
}

static int cannot(const struct look *l, const char *why)
{
	return say(l, CANNOT_EXECUTE, why, NULL, "");
}

/* --- file formats --- */

static const char *machine_name(uint16_t machine)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} known[] = {
		{ EM_X86_64, "x86_64" }, { EM_AARCH64, "aarch64" }, { EM_386, "i386" },
		{ EM_ARM, "arm" },	 { EM_PPC64, "ppc64" },	    { EM_S390, "s390" },
		{ EM_RISCV, "riscv" },	 { EM_MIPS, "mips" },	    { 258, "loongarch" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].machine == machine)
			return known[i].name;
	return "another architecture";
}

/* The architecture of this program, and thus of the kernel. */
static uint16_t our_machine(unsigned char *data)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ElfW(Ehdr) h = { .e_machine = EM_NONE };

	if (fd < 0 || read(fd, &h, sizeof(h)) != sizeof(h))
		return EM_NONE;
	*data = h.e_ident[EI_DATA];
	return h.e_machine;
}

/* The dynamic loader of a program of our ELF class; "" if it has none. */
static void find_loader(int fd, const ElfW(Ehdr) * h, char out[static HEAD])
{
	ElfW(Phdr) p;
	unsigned i;

	out[0] = '\0';
	for (i = 0; i < h->e_phnum && i < PHDRS_MAX; i++) {
		if (pread(fd, &p, sizeof(p), (off_t)(h->e_phoff + i * sizeof(p))) != sizeof(p))
			return;
		if (p.p_type == PT_INTERP && p.p_filesz > 0 && p.p_filesz < HEAD &&
		    pread(fd, out, p.p_filesz, (off_t)p.p_offset) == (ssize_t)p.p_filesz) {
			out[p.p_filesz] = '\0';
			return;
		}
	}
}

static bool is_there(const struct look *l, const char *path)
{
	_cleanup_close_ int fd = inroot_open(l->rootfd, path);

	return fd != -ENOENT && fd != -ENOTDIR;
}

static int look_at_elf(const struct look *l, int fd, const char *head, size_t n)
{
	unsigned char data = 0;
	uint16_t ours = our_machine(&data), machine;
	char why[96], loader[HEAD];
	ElfW(Ehdr) h;

	if (n < sizeof(h))
		return cannot(l, "exec format error: the file is truncated");
	memcpy(&h, head, sizeof(h));
	machine = h.e_ident[EI_DATA] == data ? h.e_machine
					     : (uint16_t)(h.e_machine << 8 | h.e_machine >> 8);
	if (machine != ours || h.e_ident[EI_DATA] != data) {
		snprintf(why, sizeof(why), "exec format error: a program for %s on %s",
			 machine_name(machine), machine_name(ours));
		return cannot(l, why);
	}
	if (h.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
		return 0;
	find_loader(fd, &h, loader);
	return *loader && !is_there(l, loader)
		       ? say(l, NOT_FOUND, "its loader ", loader, " is not in the container")
		       : 0;
}

/* The interpreter's name, in place; NULL: none. */
static char *interpreter(char *line)
{
	line += 2;
	line += strspn(line, " \t");
	line[strcspn(line, " \t\n")] = '\0';
	return *line ? line : NULL;
}

static int look_at_file(const struct look *l, int fd, int depth);

static int look_at_script(const struct look *l, char *head, int depth)
{
	_cleanup_close_ int fd = -1;
	char *name = interpreter(head);
	size_t n = name ? strlen(name) : 0;
	bool missing;

	if (!name)
		return cannot(l, "exec format error: no interpreter after #!");
	fd = inroot_open(l->rootfd, name);
	missing = fd == -ENOENT || fd == -ENOTDIR;
	if (missing && name[n - 1] == '\r')
		return say(l, NOT_FOUND,
			   "the script has Windows line endings (CRLF): its interpreter ", name,
			   " is not in the container");
	if (missing)
		return say(l, NOT_FOUND, "its interpreter ", name, " is not in the container");
	if (fd == -EINVAL)
		return say(l, CANNOT_EXECUTE, "its interpreter ", name, " is not a file");
	return fd < 0 ? 0 : look_at_file(l, fd, depth + 1);
}

static bool starts(const char *head, size_t n, const char *magic, size_t len)
{
	return n >= len && memcmp(head, magic, len) == 0;
}

#define STARTS(magic) starts(head, (size_t)n, magic, sizeof(magic) - 1)

static int look_at_file(const struct look *l, int fd, int depth)
{
	char head[HEAD + 1];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == 0 && !(st.st_mode & 0111))
		return cannot(l, "permission denied: the file is not executable");
	n = pread(fd, head, HEAD, 0);
	if (n < 0)
		return 0;
	head[n] = '\0';
	if (n == 0)
		return cannot(l, "exec format error: the file is empty");
	if (STARTS(ELFMAG))
		return look_at_elf(l, fd, head, (size_t)n);
	if (STARTS("#!"))
		return depth < DEPTH ? look_at_script(l, head, depth)
				     : cannot(l, "too many levels of interpreters");
	if (STARTS("MZ"))
		return cannot(l, "exec format error: a program for Windows");
	if (STARTS("\xcf\xfa\xed\xfe") || STARTS("\xca\xfe\xba\xbe"))
		return cannot(l, "exec format error: a program for macOS");
	return cannot(l, "exec format error: neither a program nor a script that begins with #!");
}

/* --- search --- */

/* Check a path that is not a regular file. */
static int look_at_other(const struct look *l, const char *path)
{
	_cleanup_free_ char *where = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (inroot_resolve(l->rootfd, path, &where) == 0)
		fd = inroot_find(l->rootfd, where);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	return cannot(l, S_ISDIR(st.st_mode) ? "permission denied: it is a directory"
					     : "permission denied: it is not a file");
}

static int look_at_path(const struct look *l, const char *path)
{
	_cleanup_close_ int fd = inroot_open(l->rootfd, path);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return say(l, NOT_FOUND, "no such file or directory in the container", NULL, "");
	if (fd == -EINVAL)
		return look_at_other(l, path);
	return fd < 0 ? 0 : look_at_file(l, fd, 0);
}

/* Nothing in $PATH, or denied: a match that cannot be executed. */
static int not_in_path(const struct look *l, const struct stat *denied)
{
	struct buf what _cleanup_buf_ = BUF_INIT;

	if (denied->st_mode)
		return cannot(l, S_ISDIR(denied->st_mode)
					 ? "permission denied: it is a directory"
					 : "permission denied: the file is not executable");
	text_quote(&what, l->name, strlen(l->name));
	err_set(l->err, ENOENT, "%.200s: exec: %.200s: executable file not found in $PATH", l->name,
		buf_str(&what));
	return NOT_FOUND;
}

/* Find the first executable in $PATH; 0: opened as *fd. */
static int search(const struct look *l, const char *cwd, char *const *env, int *fd)
{
	const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	struct stat st, denied = { .st_mode = 0 };
	size_t n;

	for (; env && *env; env++)
		if (strncmp(*env, "PATH=", 5) == 0)
			path = *env + 5;
	for (; *path && *l->name; path += n + (path[n] == ':')) {
		struct buf file _cleanup_buf_ = BUF_INIT;
		_cleanup_free_ char *where = NULL;
		_cleanup_close_ int found = -1;

		n = strcspn(path, ":");
		if (buf_printf(&file, "%s/%.*s/%s", *path == '/' ? "" : cwd, (int)n, path,
			       l->name) < 0)
			return 0;
		if (inroot_resolve(l->rootfd, buf_str(&file), &where) < 0)
			continue;
		found = inroot_find(l->rootfd, where);
		if (found < 0 || fstat(found, &st) < 0)
			continue;
		if (!S_ISDIR(st.st_mode) && (st.st_mode & 0111)) {
			*fd = inroot_open(l->rootfd, buf_str(&file));
			return 0;
		}
		if (!denied.st_mode)
			denied = st;
	}
	return not_in_path(l, &denied);
}

int exec_error_explain(int rootfd, const char *cwd, char *const *env, const char *name,
		       struct err *err)
{
	const struct look l = { .rootfd = rootfd, .name = name, .err = err };
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int status;

	if (strchr(name, '/')) {
		path = name[0] == '/' ? strdup(name) : path_join(cwd, name);
		return path ? look_at_path(&l, path) : 0;
	}
	status = search(&l, cwd, env, &fd);
	if (status || fd < 0)
		return status;
	return look_at_file(&l, fd, 0);
}
