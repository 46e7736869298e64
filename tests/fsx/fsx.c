/*
 * Random work on one file through several opens and mappings, compared with a model in memory.
 *
 *     fsx [OPTION]... FILE
 *
 *     -n COUNT   operations (1000)
 *     -s SEED    of the random numbers (1)
 *     -l SIZE    how large the file may get, a multiple of 4096 (262144)
 *     -i FILE    FILE is there already, with the same contents as this one; else it is made
 *     -f FILE    copy_file_range() also reads from this file, which is never written
 *     -d         some opens are with O_DIRECT
 *     -u         half way the file loses its last name
 *     -b N       spoil the model from operation N on: to see that it is found
 *     -v         print each operation
 *
 * The same options choose the same operations everywhere. At the end stands how often each one
 * was done, and how often the file system said that it does not have it. Exit status 1: file and
 * model differ, or a call failed; the last operations are printed. With a file that is there
 * already the first ones only read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fsx/model.h"

#define PAGE 4096u
#define HANDLES 6
#define MAPS 3
#define PART 65536u /* the longest piece that is read or written at once */

enum { READS = 1, WRITES = 2, CACHED = 4 };

struct handle {
	int fd;
	int flags;
};

/* A mapping that stays while the file changes. */
struct map {
	unsigned char *p;
	size_t off, len;
	bool writable;
};

struct op {
	const char *name;
	unsigned weight;
	bool changes;
	void (*run)(void);
	unsigned long done, lacking; /* how often; how often the file system has none of it */
};

static struct handle handles[HANDLES];
static struct map maps[MAPS];
static unsigned char *buf;
static unsigned char *from;
static size_t from_size;
static int from_fd = -1, memfd;
static char path[4096], other[4096]; /* its name, and the one that it gets by rename */
static bool named = true, direct;
static struct op *current;

/* --- opens --- */

static const char *way(char *text, size_t n)
{
	if (named)
		snprintf(text, n, "%s", path);
	else
		snprintf(text, n, "/proc/self/fd/%d", handles[0].fd);
	return text;
}

/* The first two are plain ones, so that there is one for everything. */
static int random_flags(unsigned slot)
{
	static const int access_modes[] = { O_RDWR, O_RDWR, O_RDONLY, O_WRONLY };
	int flags;

	if (slot < 2)
		return slot ? O_RDONLY : O_RDWR;
	flags = access_modes[below(4)];
	if (direct && below(2))
		flags |= O_DIRECT;
	if (flags != O_RDONLY && below(4) == 0)
		flags |= O_APPEND;
	if (flags != O_RDONLY && below(6) == 0)
		flags |= below(2) ? O_SYNC : O_DSYNC;
	return flags;
}

static void open_slot(unsigned slot, int flags)
{
	char text[4096];
	int fd = open(way(text, sizeof(text)), flags | O_CLOEXEC);

	if (fd < 0)
		failed("open");
	if (handles[slot].fd >= 0 && close(handles[slot].fd) < 0)
		failed("close");
	handles[slot].fd = fd;
	handles[slot].flags = flags;
}

/* A random open that can do this. */
static struct handle *handle_for(int what)
{
	for (;;) {
		struct handle *h = &handles[below(HANDLES)];
		int mode = h->flags & O_ACCMODE;

		if (((what & READS) && mode == O_WRONLY) || ((what & WRITES) && mode == O_RDONLY) ||
		    ((what & CACHED) && (h->flags & O_DIRECT)))
			continue;
		return h;
	}
}

static unsigned slot_of(const struct handle *h)
{
	return (unsigned)(h - handles);
}

/* A piece of what may be, in whole pages for O_DIRECT. */
static void random_piece(const struct handle *h, size_t *off, size_t *len)
{
	*off = below(model.limit - 1);
	*len = 1 + below(below(3) ? PART / 16 : PART);
	if (below(4) == 0)
		*off &= ~(size_t)(PAGE - 1);
	if (h && (h->flags & O_DIRECT)) {
		*off &= ~(size_t)(PAGE - 1);
		*len = (*len + PAGE - 1) & ~(size_t)(PAGE - 1);
	}
	if (*len > model.limit - *off)
		*len = model.limit - *off;
}

/* A piece of what is there; len 0: nothing is. */
static void random_part(size_t *off, size_t *len)
{
	*off = below(model.size);
	*len = model.size ? 1 + below(model.size - *off < PART ? model.size - *off : PART) : 0;
}

/* --- reading --- */

static void op_read(void)
{
	struct handle *h = handle_for(READS);
	size_t off, len, want;
	ssize_t n;

	random_piece(h, &off, &len);
	note(" %zu+%zu by %u", off, len, slot_of(h));
	want = off >= model.size ? 0 : off + len > model.size ? model.size - off : len;
	n = pread(h->fd, buf, len, (off_t)off);
	if (n < 0)
		failed("read");
	if ((size_t)n != want)
		bad("read %zd bytes, not %zu", n, want);
	compare(buf, off, want, "read");
}

static void op_sendfile(void)
{
	struct handle *h = handle_for(READS | CACHED);
	size_t off, len, got = 0;
	off_t pos;

	random_part(&off, &len);
	note(" %zu+%zu by %u", off, len, slot_of(h));
	if (lseek(memfd, 0, SEEK_SET) < 0)
		failed("lseek");
	for (pos = (off_t)off; got < len;) {
		ssize_t n = sendfile(memfd, h->fd, &pos, len - got);

		if (n <= 0)
			n < 0 ? failed("sendfile") : bad("sendfile ends after %zu bytes", got);
		got += (size_t)n;
	}
	if (pread(memfd, buf, len, 0) != (ssize_t)len)
		failed("memfd");
	compare(buf, off, len, "sendfile");
}

static void op_mapped_read(void)
{
	struct handle *h = handle_for(READS);
	size_t off, len, page;
	bool shared = below(2);
	unsigned char *p;

	random_part(&off, &len);
	note(" %zu+%zu by %u%s", off, len, slot_of(h), shared ? "" : " private");
	if (!len)
		return;
	page = off & ~(size_t)(PAGE - 1);
	len += off - page;
	p = mmap(NULL, len, PROT_READ, shared ? MAP_SHARED : MAP_PRIVATE, h->fd, (off_t)page);
	if (p == MAP_FAILED)
		failed("mmap");
	compare_mapped(p, page, len, "mapped");
	munmap(p, len);
}

static void unmap(struct map *m)
{
	if (m->p && munmap(m->p, m->len) < 0)
		failed("munmap");
	m->p = NULL;
}

/* A mapping that stays, as large as the file may get. */
static void op_map(void)
{
	struct handle *h = handle_for(READS);
	struct map *m = &maps[below(MAPS)];

	m->writable = (h->flags & O_ACCMODE) == O_RDWR;
	unmap(m);
	m->off = below(2) ? 0 : below(model.limit) & ~(size_t)(PAGE - 1);
	m->len = model.limit - m->off;
	note(" %zd %zu+%zu by %u%s", m - maps, m->off, m->len, slot_of(h),
	     m->writable ? " to write" : "");
	m->p = mmap(NULL, m->len, PROT_READ | (m->writable ? PROT_WRITE : 0), MAP_SHARED, h->fd,
		    (off_t)m->off);
	if (m->p == MAP_FAILED)
		failed("mmap");
}

static void op_kept_read(void)
{
	struct map *m = &maps[below(MAPS)];

	note(" %zd", m - maps);
	if (m->p)
		compare_mapped(m->p, m->off, m->len, "kept mapping");
}

/*
 * The mappings' pages are written: a kernel asks a FUSE file system for holes without doing that
 * itself.
 */
static void sync_maps(void)
{
	unsigned i;

	for (i = 0; i < MAPS; i++)
		if (maps[i].p && maps[i].writable && msync(maps[i].p, maps[i].len, MS_SYNC) < 0)
			failed("msync");
}

/* What is called a hole holds zeros only, and the end is one. */
static void op_seek(void)
{
	struct handle *h = handle_for(READS);
	size_t off, len, i;
	off_t hole, data;

	random_part(&off, &len);
	note(" from %zu by %u", off, slot_of(h));
	sync_maps();
	hole = lseek(h->fd, (off_t)off, SEEK_HOLE);
	if (!len) {
		if (hole >= 0 || errno != ENXIO)
			bad("a hole at %jd in an empty file", (intmax_t)hole);
		return;
	}
	if (hole < (off_t)off || hole > (off_t)model.size)
		bad("a hole at %jd", (intmax_t)hole);
	data = lseek(h->fd, hole, SEEK_DATA);
	if (data < 0 && errno != ENXIO)
		failed("SEEK_DATA");
	for (i = (size_t)hole; i < (data < 0 ? model.size : (size_t)data); i++)
		if (model.data[i])
			bad("data at %zu in a hole from %jd to %jd", i, (intmax_t)hole,
			    (intmax_t)data);
}

static void op_stat(void)
{
	struct stat st;
	char text[4096];

	note("%s", "");
	if (stat(way(text, sizeof(text)), &st) < 0)
		failed("stat");
	if ((size_t)st.st_size != model.size || st.st_nlink != named)
		bad("stat: %jd bytes, %ju names", (intmax_t)st.st_size, (uintmax_t)st.st_nlink);
}

/* --- changing --- */

static void op_write(void)
{
	struct handle *h = handle_for(WRITES);
	size_t off, len;
	ssize_t n;

	random_piece(h, &off, &len);
	if (h->flags & O_APPEND) {
		/* What is not a whole page cannot be appended to directly. */
		if (model.size + len > model.limit ||
		    ((h->flags & O_DIRECT) && model.size % PAGE)) {
			note(" nothing to append by %u", slot_of(h));
			return;
		}
		off = model.size;
	}
	note(" %zu+%zu by %u%s%s", off, len, slot_of(h), h->flags & O_DIRECT ? " direct" : "",
	     h->flags & O_APPEND ? " appended" : "");
	model_fill(buf, off, len);
	n = h->flags & O_APPEND ? write(h->fd, buf, len) : pwrite(h->fd, buf, len, (off_t)off);
	if (n != (ssize_t)len)
		n < 0 ? failed("write") : bad("wrote %zd bytes", n);
	model_write(buf, off, len);
}

static void op_mapped_write(void)
{
	struct handle *h = &handles[0];
	size_t off, len, page;
	int sync = (int)below(3);
	unsigned char *p;

	random_part(&off, &len);
	note(" %zu+%zu%s", off, len, sync ? "" : " synced");
	if (!len)
		return;
	page = off & ~(size_t)(PAGE - 1);
	p = mmap(NULL, len + off - page, PROT_READ | PROT_WRITE, MAP_SHARED, h->fd, (off_t)page);
	if (p == MAP_FAILED)
		failed("mmap");
	model_fill(p + off - page, off, len);
	model_fill(model.data + off, off, len);
	if (!sync && msync(p, len + off - page, MS_SYNC) < 0)
		failed("msync");
	munmap(p, len + off - page);
}

static void op_kept_write(void)
{
	struct map *m = &maps[below(MAPS)];
	size_t off, len;

	random_part(&off, &len);
	note(" %zu+%zu map %zd", off, len, m - maps);
	if (!m->p || !m->writable || !len || off < m->off)
		return;
	model_fill(m->p + off - m->off, off, len);
	model_fill(model.data + off, off, len);
}

static void op_truncate(void)
{
	struct handle *h = handle_for(WRITES);
	size_t to = below(3) ? below(model.limit) : below(model.size + 1);
	bool by_name = below(2);
	char text[4096];

	note(" to %zu from %zu by %s", to, model.size, by_name ? "name" : "descriptor");
	if ((by_name ? truncate(way(text, sizeof(text)), (off_t)to) : ftruncate(h->fd, (off_t)to)) <
	    0)
		failed("truncate");
	model_size(to);
}

static void op_fallocate(void)
{
	static const struct {
		int mode;
		const char *name;
	} kinds[] = {
		{ 0, "" },
		{ FALLOC_FL_KEEP_SIZE, " keep size" },
		{ FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, " punch" },
		{ FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, " punch" },
		{ FALLOC_FL_ZERO_RANGE, " zero" },
		{ FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, " zero keep size" },
	};
	struct handle *h = handle_for(WRITES);
	size_t off, len, kind = below(6), end;

	random_piece(NULL, &off, &len);
	note(" %zu+%zu by %u%s", off, len, slot_of(h), kinds[kind].name);
	if (fallocate(h->fd, kinds[kind].mode, (off_t)off, (off_t)len) < 0) {
		if (errno != EOPNOTSUPP)
			failed("fallocate");
		current->lacking++;
		return;
	}
	if (!(kinds[kind].mode & FALLOC_FL_KEEP_SIZE) && off + len > model.size)
		model_size(off + len);
	end = off + len < model.size ? off + len : model.size;
	if ((kinds[kind].mode & ~FALLOC_FL_KEEP_SIZE) && off < end)
		memset(model.data + off, 0, end - off);
}

static void op_copy(void)
{
	struct handle *in = handle_for(READS | CACHED), *out;
	bool foreign = from_fd >= 0 && below(2);
	size_t off, len, to, got = 0;
	loff_t in_pos, out_pos;

	do
		out = handle_for(WRITES | CACHED);
	while (out->flags & O_APPEND);
	if (foreign) {
		off = below(from_size);
		len = 1 + below(from_size - off < PART ? from_size - off : PART);
	} else {
		random_part(&off, &len);
	}
	to = below(model.limit - len);
	/* Pieces of one file may not overlap. */
	if (!foreign && to < off + len && off < to + len)
		len = to > off ? to - off : off - to;
	note(" %zu+%zu%s to %zu by %u, %u", off, len, foreign ? " of the other" : "", to,
	     slot_of(in), slot_of(out));
	for (in_pos = (loff_t)off, out_pos = (loff_t)to; got < len;) {
		ssize_t n = copy_file_range(foreign ? from_fd : in->fd, &in_pos, out->fd, &out_pos,
					    len - got, 0);

		if (n <= 0)
			n < 0 ? failed("copy_file_range") : bad("copied %zu bytes", got);
		got += (size_t)n;
	}
	memcpy(buf, (foreign ? from : model.data) + off, len);
	if (len)
		model_write(buf, to, len);
}

/* --- opens, names, the disk --- */

static void op_reopen(void)
{
	unsigned slot = (unsigned)below(HANDLES);
	int flags = random_flags(slot);

	note(" %u%s%s%s", slot,
	     (flags & O_ACCMODE) == O_RDWR     ? " rw"
	     : (flags & O_ACCMODE) == O_RDONLY ? " r"
					       : " w",
	     flags & O_DIRECT ? " direct" : "", flags & O_APPEND ? " append" : "");
	open_slot(slot, flags);
}

/*
 * For a moment the file is not open. What a file system decides at the first open is then decided
 * again, and any handle may be the first.
 */
static void op_close_all(void)
{
	unsigned i, k, first = (unsigned)below(HANDLES);
	bool cut = below(4) == 0;

	note(" first again: %u%s", first, cut ? ", cut in between" : "");
	if (!named)
		return;
	for (i = 0; i < MAPS; i++)
		unmap(&maps[i]);
	for (i = 0; i < HANDLES; i++) {
		if (close(handles[i].fd) < 0)
			failed("close");
		handles[i].fd = -1;
	}
	if (cut) {
		if (truncate(path, (off_t)(model.size / 2)) < 0)
			failed("truncate");
		model_size(model.size / 2);
	}
	for (k = 0; k < HANDLES; k++) {
		i = (first + k) % HANDLES;
		open_slot(i, random_flags(i));
	}
}

static void op_open_truncating(void)
{
	char text[4096];
	bool reads = below(3) == 0;
	int fd;

	note("%s", reads ? " read-only" : "");
	fd = open(way(text, sizeof(text)), (reads ? O_RDONLY : O_WRONLY) | O_TRUNC);
	if (fd < 0 || close(fd) < 0)
		failed("open O_TRUNC");
	model_size(0);
}

static void op_sync(void)
{
	struct handle *h = &handles[below(HANDLES)];
	bool data = below(2);

	note(" %u%s", slot_of(h), data ? " data" : "");
	if ((data ? fdatasync(h->fd) : fsync(h->fd)) < 0)
		failed("fsync");
}

/* The kernel forgets what it can: it will ask again. */
static void op_forget(void)
{
	struct handle *h = &handles[below(HANDLES)];

	note(" %u", slot_of(h));
	posix_fadvise(h->fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void op_rename(void)
{
	char text[4096];
	bool by_link = below(2);

	note("%s", by_link ? " by a second name" : "");
	if (!named)
		return;
	if (by_link ? link(path, other) < 0 || unlink(path) < 0 : rename(path, other) < 0)
		failed("rename");
	memcpy(text, path, sizeof(path));
	memcpy(path, other, sizeof(path));
	memcpy(other, text, sizeof(path));
}

static struct op ops[] = {
	{ "read", 20, false, op_read, 0, 0 },
	{ "sendfile", 5, false, op_sendfile, 0, 0 },
	{ "mapped read", 12, false, op_mapped_read, 0, 0 },
	{ "map", 4, false, op_map, 0, 0 },
	{ "kept read", 5, false, op_kept_read, 0, 0 },
	{ "seek", 5, false, op_seek, 0, 0 },
	{ "stat", 5, false, op_stat, 0, 0 },
	{ "reopen", 8, false, op_reopen, 0, 0 },
	{ "forget", 5, false, op_forget, 0, 0 },
	{ "write", 25, true, op_write, 0, 0 },
	{ "mapped write", 10, true, op_mapped_write, 0, 0 },
	{ "kept write", 8, true, op_kept_write, 0, 0 },
	{ "truncate", 8, true, op_truncate, 0, 0 },
	{ "fallocate", 10, true, op_fallocate, 0, 0 },
	{ "copy", 8, true, op_copy, 0, 0 },
	{ "close all", 3, true, op_close_all, 0, 0 },
	{ "open truncating", 1, true, op_open_truncating, 0, 0 },
	{ "sync", 2, true, op_sync, 0, 0 },
	{ "rename", 2, true, op_rename, 0, 0 },
};
#define OPS (sizeof(ops) / sizeof(*ops))

static void random_op(bool quiet)
{
	size_t i, total = 0, n;

	for (i = 0; i < OPS; i++)
		total += quiet && ops[i].changes ? 0 : ops[i].weight;
	n = below(total);
	for (i = 0; i < OPS; i++) {
		if (quiet && ops[i].changes)
			continue;
		if (n < ops[i].weight)
			break;
		n -= ops[i].weight;
	}
	current = &ops[i];
	model.name = current->name;
	current->run();
	current->done++;
}

/* --- beginning and end --- */

static void on_bus_error(int sig)
{
	(void)sig;
	bad("SIGBUS in a mapping of what is there");
}

/* A whole file in memory. */
static size_t load(const char *name, unsigned char **out, size_t room)
{
	struct stat st;
	int fd = open(name, O_RDONLY);
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		failed(name);
	if (room && (size_t)st.st_size > room)
		bad("%s is too large", name);
	*out = calloc(1, room ? room : (size_t)st.st_size);
	n = *out ? read(fd, *out, (size_t)st.st_size) : -1;
	if (n != st.st_size)
		failed(name);
	close(fd);
	return (size_t)n;
}

static void begin(const char *initial, const char *source)
{
	unsigned i;
	int fd;

	signal(SIGBUS, on_bus_error);
	memfd = memfd_create("fsx", MFD_CLOEXEC);
	if (posix_memalign((void **)&buf, PAGE, model.limit) != 0)
		failed("memory");
	if (initial) {
		model.size = load(initial, &model.data, model.limit);
	} else {
		model.data = calloc(1, model.limit);
		fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0644);
		if (!model.data || fd < 0 || close(fd) < 0)
			failed(path);
	}
	if (source) {
		from_size = load(source, &from, 0);
		from_fd = open(source, O_RDONLY | O_CLOEXEC);
		if (from_fd < 0 || !from_size)
			failed(source);
	}
	for (i = 0; i < HANDLES; i++) {
		handles[i].fd = -1;
		open_slot(i, random_flags(i));
	}
}

/* Once more from the beginning, as somebody sees it who never had it open. */
static void end(void)
{
	char text[4096];
	unsigned i;
	int fd;

	for (i = 0; i < MAPS; i++)
		unmap(&maps[i]);
	for (i = 1; i < HANDLES; i++)
		close(handles[i].fd);
	if (fsync(handles[0].fd) < 0)
		failed("fsync");
	posix_fadvise(handles[0].fd, 0, 0, POSIX_FADV_DONTNEED);
	fd = open(way(text, sizeof(text)), O_RDONLY);
	if (fd < 0 || read(fd, buf, model.limit) != (ssize_t)model.size)
		failed("the last read");
	compare(buf, 0, model.size, "at the end");
	model.name = "end";
	op_stat();
	for (i = 0; i < OPS; i++)
		printf("%s: %lu, not had: %lu\n", ops[i].name, ops[i].done, ops[i].lacking);
}

static int usage(void)
{
	fprintf(stderr, "usage: fsx [-n COUNT] [-s SEED] [-l SIZE] [-i FILE] [-f FILE] [-b N] "
			"[-duv] FILE\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *initial = NULL, *source = NULL;
	unsigned long spoil = 0, seed = 1, count = 1000;
	bool unlinks = false;
	int c;

	while ((c = getopt(argc, argv, "n:s:l:i:f:b:duv")) != -1) {
		switch (c) {
		case 'n':
			count = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'l':
			model.limit = strtoul(optarg, NULL, 0) & ~(size_t)(PAGE - 1);
			break;
		case 'i':
			initial = optarg;
			break;
		case 'f':
			source = optarg;
			break;
		case 'b':
			spoil = strtoul(optarg, NULL, 0);
			break;
		case 'd':
			direct = true;
			break;
		case 'u':
			unlinks = true;
			break;
		case 'v':
			model.verbose = true;
			break;
		default:
			return usage();
		}
	}
	if (optind + 1 != argc || model.limit < 4 * PART / 2)
		return usage();
	snprintf(path, sizeof(path), "%s", argv[optind]);
	snprintf(other, sizeof(other), "%s.moved", argv[optind]);
	model.path = path;
	model_seed(seed);
	begin(initial, source);
	for (model.now = 1; model.now <= count; model.now++) {
		if (spoil && model.now >= spoil) {
			model_size(model.size ? model.size : 1);
			model.data[model.size / 2] ^= 0x55;
		}
		if (unlinks && named && model.now > count / 2) {
			if (unlink(path) < 0)
				failed("unlink");
			named = false;
		}
		random_op(initial && model.now <= count / 20);
	}
	model.now--;
	end();
	return 0;
}
