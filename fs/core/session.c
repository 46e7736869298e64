/* One FUSE connection: mounting, negotiating the protocol, the threads that answer. */
#include "config.h"

#include "fs/core/session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mountpoint.h"
#include "fs/core/fs.h"
#include "fs/core/request_log.h"
#include "store/disk/store.h"

/* Including those that replace waiting ones (session_wait_begin). */
#define SESSION_THREADS_MAX 4096

struct worker {
	struct session *session;
	struct fuse_buf buf;
	pthread_t thread;
	bool started, ended; /* pool is held */
};

struct session {
	const struct session_ops *ops;
	struct fuse_session *fuse;
	void *data; /* of the operations */
	char *mountpoint;
	dev_t device;
	int event_fd;
	pthread_mutex_t pool; /* of the workers below, except their buffers */
	struct worker workers[SESSION_THREADS_MAX];
	unsigned threads, n_running, n_waiting;
	/* Surplus threads wait for `call`: how many wait, and how many of them to wake. */
	unsigned n_parked, n_called;
	pthread_cond_t call;
	bool closing; /* no thread is started any more */
	atomic_bool ready, over;
	/* Written by the thread that answers INIT, before ready is. */
	uint32_t offered[2], granted[2];
};

/* The session of this thread; none in a thread that only sends notifications. */
static __thread struct session *current;

#ifdef HAVE_STRUCT_FUSE_FILE_INFO_BACKING_ID
void session_reply_backing(struct fuse_file_info *fi, int id)
{
	fi->backing_id = id;
}

static void amend_reply(struct iovec *iov, int count)
{
	(void)iov;
	(void)count;
}
#else
/* The ID set by session_reply_backing(); 0, which is no ID: none. */
static __thread int32_t reply_backing;

/* FOPEN_PASSTHROUGH of linux/fuse.h. */
#define OPEN_PASSTHROUGH (1u << 7)

/*
 * Both answers end with a struct fuse_open_out; its last word has had several names in
 * linux/fuse.h.
 */
static void amend_open(struct iovec *iov, int count)
{
	const struct fuse_out_header *h = iov[0].iov_base;
	struct iovec *last = &iov[count - 1];
	struct fuse_open_out out;
	char *at, *backing = (char *)(&out + 1) - sizeof(reply_backing);

	if (count < 2 || h->error != 0 || last->iov_len < sizeof(out))
		return;
	at = (char *)last->iov_base + last->iov_len - sizeof(out);
	memcpy(&out, at, sizeof(out));
	out.open_flags |= OPEN_PASSTHROUGH;
	memcpy(backing, &reply_backing, sizeof(reply_backing));
	memcpy(at, &out, sizeof(out));
}

static void amend_reply(struct iovec *iov, int count)
{
	if (reply_backing)
		amend_open(iov, count);
	reply_backing = 0;
}

void session_reply_backing(struct fuse_file_info *fi, int id)
{
	(void)fi;
	reply_backing = id;
}
#endif

static void signal_event(const struct session *s)
{
	uint64_t one = 1;

	if (write(s->event_fd, &one, sizeof(one)) < 0)
		log_warn("eventfd: %s", strerror(errno));
}

/* Bits that libfuse does not know are taken from the kernel's offer here ... */
static void see_init(struct session *s, const void *data, size_t len)
{
	const struct fuse_in_header *h = data;
	const struct fuse_init_in *in = (const void *)(h + 1);

	if (len < sizeof(*h) + offsetof(struct fuse_init_in, flags2) + sizeof(in->flags2) ||
	    h->opcode != FUSE_INIT)
		return;
	s->offered[0] = in->flags;
	s->offered[1] = in->flags & FUSE_INIT_EXT ? in->flags2 : 0;
}

/* ... and put into libfuse's answer there, in place. */
static void amend_init(struct session *s, struct iovec *iov, int count)
{
	const struct fuse_out_header *h = iov[0].iov_base;
	struct fuse_init_out *out;

	if (count != 2 || h->error != 0 || iov[1].iov_len < sizeof(*out))
		return;
	out = iov[1].iov_base;
	out->flags |= s->ops->flags & s->offered[0];
	out->flags2 |= s->ops->flags2 & s->offered[1];
	if (s->ops->flags2 & s->offered[1]) {
		/* max_stack_depth follows flags2; older headers have no name for it. */
		memcpy((char *)&out->flags2 + sizeof(out->flags2), &s->ops->max_stack_depth,
		       sizeof(s->ops->max_stack_depth));
		out->flags |= FUSE_INIT_EXT;
	}
	s->granted[0] = out->flags;
	s->granted[1] = out->flags2;
}

static ssize_t io_read(int fd, void *data, size_t len, void *userdata)
{
	ssize_t n = read(fd, data, len);

	(void)userdata;
	if (current && !atomic_load_explicit(&current->ready, memory_order_relaxed) && n > 0)
		see_init(current, data, (size_t)n);
	return n;
}

static ssize_t io_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	bool first = current && !atomic_load_explicit(&current->ready, memory_order_acquire);
	ssize_t n;

	(void)userdata;
	if (first)
		amend_init(current, iov, count);
	amend_reply(iov, count);
	request_log_end(fd, iov);
	n = writev(fd, iov, count);
	if (first && n >= 0 && ((struct fuse_out_header *)iov[0].iov_base)->error == 0) {
		atomic_store(&current->ready, true);
		signal_event(current);
	}
	return n;
}

static const struct fuse_custom_io session_io = { .read = io_read, .writev = io_writev };

/* libfuse's last message while mounting. */
static char complaint[512];

__attribute__((format(printf, 2, 0))) static void note_complaint(enum fuse_log_level level,
								 const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	if (level <= FUSE_LOG_WARNING)
		snprintf(complaint, sizeof(complaint), "%s",
			 strncmp(text, "fuse: ", 6) == 0 ? text + 6 : text);
	else
		log_debug("%s", text);
}

__attribute__((format(printf, 2, 0))) static void log_libfuse(enum fuse_log_level level,
							      const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	if (level <= FUSE_LOG_WARNING)
		log_warn("%s", text);
	else
		log_debug("%s", text);
}

/* The options of the mount itself, for fuse_session_new(). */
static int mount_options(const struct fs *fs, const struct session_ops *ops, char **out)
{
	_cleanup_free_ char *opts = NULL;
	_cleanup_buf_ struct buf name = BUF_INIT;
	int r;

	r = buf_printf(&name, "fsname=%s", fs->store->path);
	if (r < 0)
		return r;
	r = fuse_opt_add_opt(&opts, "subtype=imagefs") < 0 ||
	    fuse_opt_add_opt_escaped(&opts, buf_str(&name)) < 0 ||
	    fuse_opt_add_opt(&opts, ops->read_only || fs->opt.ro ? "ro" : "rw") < 0 ||
	    (fs->opt.dev && fuse_opt_add_opt(&opts, "dev") < 0) ||
	    (fs->opt.suid && fuse_opt_add_opt(&opts, "suid") < 0) ||
	    (fs->opt.noexec && fuse_opt_add_opt(&opts, "noexec") < 0) ||
	    /* Other users have access only if the kernel checks modes. */
	    (fs->opt.allow_other && fuse_opt_add_opt(&opts, "allow_other") < 0) ||
	    (fs_checks_modes(fs) && fuse_opt_add_opt(&opts, "default_permissions") < 0);
	if (r)
		return -ENOMEM;
	*out = TAKE_PTR(opts);
	return 0;
}

/* Mount with stderr redirected: what fusermount3 prints becomes part of the one error line. */
static int mount_quietly(struct fuse_session *fuse, const char *dir, struct err *err)
{
	_cleanup_close_ int saved = fcntl(2, F_DUPFD_CLOEXEC, 3);
	_cleanup_close_ int capture = memfd_create("stderr", MFD_CLOEXEC);
	char said[512] = "";
	ssize_t n;
	int r;

	complaint[0] = '\0';
	fuse_set_log_func(note_complaint);
	if (capture >= 0 && saved >= 0)
		dup2(capture, 2);
	r = fuse_session_mount(fuse, dir);
	if (saved >= 0)
		dup2(saved, 2);
	fuse_set_log_func(log_libfuse);
	if (r == 0)
		return 0;
	n = capture >= 0 ? pread(capture, said, sizeof(said) - 1, 0) : -1;
	said[n > 0 ? n : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	return err_set(err, EPERM, "%s: %s", dir,
		       said[0]	      ? said
		       : complaint[0] ? complaint
				      : "cannot be mounted");
}

static void note_device(struct session *s)
{
	_cleanup_mountpoint_ struct mountpoint m = { 0 };

	if (mountpoint_find(s->mountpoint, &m, NULL) <= 0)
		return;
	s->device = makedev(m.dev_major, m.dev_minor);
}

int session_open(const struct fs *fs, const struct session_ops *ops, void *data,
		 const char *mountpoint, struct session **out, struct err *err)
{
	_cleanup_free_ char *opts = NULL;
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_nomem(err);
	s->ops = ops;
	s->data = data;
	s->event_fd = -1;
	pthread_mutex_init(&s->pool, NULL);
	pthread_cond_init(&s->call, NULL);
	s->mountpoint = strdup(mountpoint);
	if (!s->mountpoint || mount_options(fs, ops, &opts) < 0 ||
	    fuse_opt_add_arg(&args, "mount.imagefs") < 0 || fuse_opt_add_arg(&args, "-o") < 0 ||
	    fuse_opt_add_arg(&args, opts) < 0) {
		r = err_nomem(err);
		goto out;
	}
	complaint[0] = '\0';
	fuse_set_log_func(note_complaint);
	s->fuse = fuse_session_new(&args, ops->ops, sizeof(*ops->ops), data);
	fuse_set_log_func(log_libfuse);
	if (!s->fuse) {
		r = err_set(err, EINVAL, "%s: %s", mountpoint,
			    complaint[0] ? complaint : "no session");
		goto out;
	}
	r = mount_quietly(s->fuse, mountpoint, err);
	if (r < 0)
		goto out;
	r = fuse_session_custom_io(s->fuse, &session_io, fuse_session_fd(s->fuse));
	if (r < 0) {
		/* The first error is reported. */
		IGNORE(session_unmount(s, true, NULL));
		err_sys(err, -r, "%s", mountpoint);
		goto out;
	}
	if (fs->opt.debug)
		request_log_open(fuse_session_fd(s->fuse), ops->name);
	note_device(s);
	*out = TAKE_PTR(s);
out:
	fuse_opt_free_args(&args);
	session_free(s);
	return r;
}

/* pool is held. A few surplus threads are kept for the next wait; they read no requests. */
static bool is_called(struct session *s)
{
	if (s->n_parked == s->threads)
		return false;
	s->n_parked++;
	while (!s->n_called && !s->closing)
		pthread_cond_wait(&s->call, &s->pool);
	s->n_parked--;
	if (!s->n_called)
		return false;
	s->n_called--;
	return true;
}

/* After a wait: true if this thread is surplus and must end. */
static bool is_surplus(struct worker *w)
{
	struct session *s = w->session;

	pthread_mutex_lock(&s->pool);
	if (s->n_running - s->n_waiting > s->threads) {
		s->n_running--;
		w->ended = !is_called(s);
	}
	pthread_mutex_unlock(&s->pool);
	return w->ended;
}

/*
 * FUSE_TMPFILE differs from FUSE_CREATE in its number and in O_TMPFILE among the flags. libfuse
 * knows it from 3.17 on.
 */
static void know_tmpfile(struct fuse_buf *buf)
{
	struct fuse_in_header *h = buf->mem;

	if (buf->size >= sizeof(*h) && h->opcode == FUSE_TMPFILE)
		h->opcode = FUSE_CREATE;
}

static void *serve(void *arg)
{
	struct worker *w = arg;
	struct session *s = w->session;
	int r = 0, ignored;

	current = s;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
	while (!fuse_session_exited(s->fuse)) {
		/* session_free() ends a thread that waits for a request, never one that answers. */
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &ignored);
		r = fuse_session_receive_buf(s->fuse, &w->buf);
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ignored);
		if (r == -EINTR || r == -EAGAIN)
			continue;
		if (r <= 0)
			break;
		request_log_begin(fuse_session_fd(s->fuse), w->buf.mem, w->buf.size);
		know_tmpfile(&w->buf);
		if (!statx_answer(fuse_session_fd(s->fuse), &w->buf, s->ops->statx, s->data))
			fuse_session_process_buf(s->fuse, &w->buf);
		if (is_surplus(w))
			return NULL;
	}
	if (r < 0)
		log_warn("%s: reading requests: %s", s->mountpoint, strerror(-r));
	fuse_session_exit(s->fuse);
	atomic_store(&s->over, true);
	signal_event(s);
	return NULL;
}

/* pool is held. 0 or an errno. */
static int add_worker(struct session *s)
{
	struct worker *w = s->workers;
	char name[16];
	int r;

	if (s->n_parked > s->n_called) {
		s->n_called++;
		s->n_running++;
		pthread_cond_signal(&s->call);
		return 0;
	}
	while (w < s->workers + SESSION_THREADS_MAX && w->started && !w->ended)
		w++;
	if (w == s->workers + SESSION_THREADS_MAX)
		return EAGAIN;
	if (w->ended)
		pthread_join(w->thread, NULL);
	w->started = w->ended = false;
	w->session = s;
	r = pthread_create(&w->thread, NULL, serve, w);
	if (r)
		return r;
	w->started = true;
	s->n_running++;
	snprintf(name, sizeof(name), "%s", s->ops->name);
	pthread_setname_np(w->thread, name);
	return 0;
}

/* One per CPU: more threads make each request slower, and an answer needs a CPU. */
static unsigned count_threads(unsigned max)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus < 2 ? MIN(2, max) : MIN((unsigned)cpus, max);
}

int session_start(struct session *s, int event_fd, struct err *err)
{
	sigset_t all, old;
	unsigned i;
	int r = 0;

	s->event_fd = event_fd;
	s->threads = count_threads(s->ops->threads);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	pthread_mutex_lock(&s->pool);
	for (i = 0; i < s->threads && r == 0; i++)
		r = add_worker(s);
	pthread_mutex_unlock(&s->pool);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r ? err_sys(err, r, "%s: starting a thread", s->mountpoint) : 0;
}

bool session_is_gone(void)
{
	return current && fuse_session_exited(current->fuse);
}

void session_wait_begin(void)
{
	struct session *s = current;
	int r = 0;

	if (!s)
		return;
	pthread_mutex_lock(&s->pool);
	s->n_waiting++;
	if (!s->closing && s->n_running - s->n_waiting < s->threads)
		r = add_worker(s);
	pthread_mutex_unlock(&s->pool);
	if (r)
		log_warn("%s: starting a thread: %s", s->mountpoint, strerror(r));
}

void session_wait_end(void)
{
	if (!current)
		return;
	pthread_mutex_lock(&current->pool);
	current->n_waiting--;
	pthread_mutex_unlock(&current->pool);
}

bool session_is_ready(const struct session *s)
{
	return atomic_load(&s->ready);
}

bool session_is_over(const struct session *s)
{
	return atomic_load(&s->over);
}

struct fuse_session *session_fuse(const struct session *s)
{
	return s->fuse;
}

int session_fd(const struct session *s)
{
	return fuse_session_fd(s->fuse);
}

dev_t session_device(const struct session *s)
{
	return s->device;
}

const char *session_mountpoint(const struct session *s)
{
	return s->mountpoint;
}

bool session_granted(const struct session *s, unsigned word, uint32_t bits)
{
	return (s->granted[word > 0] & bits) == bits;
}

void session_raise_readahead(const struct session *s)
{
	_cleanup_mountpoint_ struct mountpoint m = { 0 };
	_cleanup_close_ int fd = -1;
	char path[64];

	if (mountpoint_find(s->mountpoint, &m, NULL) <= 0)
		return;
	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", m.dev_major,
		 m.dev_minor);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1024", 4) < 0)
		log_debug("%s: %s", path, strerror(errno));
}

int session_unmount(struct session *s, bool lazy, struct err *err)
{
	_cleanup_mountpoint_ struct mountpoint m = { 0 };

	/*
	 * Another file system is mounted here now. This one was unmounted here, but lives on in a
	 * mount namespace that was made before.
	 */
	if (s->device && mountpoint_find(s->mountpoint, &m, NULL) > 0 &&
	    makedev(m.dev_major, m.dev_minor) != s->device)
		return 0;
	return mountpoint_unmount(s->mountpoint, lazy, err);
}

void session_free(struct session *s)
{
	unsigned i;

	if (!s)
		return;
	if (s->fuse)
		fuse_session_exit(s->fuse);
	pthread_mutex_lock(&s->pool);
	s->closing = true;
	pthread_cond_broadcast(&s->call);
	pthread_mutex_unlock(&s->pool);
	for (i = 0; i < SESSION_THREADS_MAX; i++) {
		if (s->workers[i].started) {
			pthread_cancel(s->workers[i].thread);
			pthread_join(s->workers[i].thread, NULL);
		}
		free(s->workers[i].buf.mem);
	}
	if (s->fuse) {
		request_log_close(fuse_session_fd(s->fuse));
		/*
		 * libfuse frees its copy of the path only here, and would unmount
		 * whatever is there now, if the connection were not over.
		 */
		struct pollfd p = { .fd = fuse_session_fd(s->fuse) };

		if (poll(&p, 1, 0) > 0 && (p.revents & POLLERR))
			fuse_session_unmount(s->fuse);
		fuse_session_destroy(s->fuse);
	}
	pthread_cond_destroy(&s->call);
	pthread_mutex_destroy(&s->pool);
	free(s->mountpoint);
	free(s);
}
