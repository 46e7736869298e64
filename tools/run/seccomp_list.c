/*
 * The system calls that docker allows and denies by default, grouped by purpose. Others fail with
 * ENOSYS: programs fall back if the kernel lacks a call, but treat EPERM from a new call, like
 * fchmodat2, as a final error.
 *
 * Newer versions of docker allow keyctl and related calls. They are denied here: root's container
 * has no user namespace, so it would share the keyrings of the host's root.
 */
#include "tools/run/seccomp_list.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

/* clone(2)'s flags that make a name space. */
#define NEW_NAMESPACES 0x7e020000

struct rule {
	const char *names;
	int refused;		    /* an errno; 0: allowed */
	const char *caps;	    /* allowed with any of these capabilities, else refused */
	const char *with, *without; /* only if this capability is present; missing */
	const char *arches, *other_arches; /* only on these; only on others */
	const char *min_kernel;
	struct {
		int n; /* its number, from 1; 0: whatever the arguments are */
		uint64_t value, value_two;
		const char *op;
	} arg;
};

#define EQUALS(number, v)                                        \
	{                                                        \
		.n = (number), .value = (v), .op = "SCMP_CMP_EQ" \
	}
#define HAS_FLAG(number, flag)                                                                  \
	{                                                                                       \
		.n = (number), .value = (flag), .value_two = (flag), .op = "SCMP_CMP_MASKED_EQ" \
	}
#define HAS_NONE(number, flags)                                             \
	{                                                                   \
		.n = (number), .value = (flags), .op = "SCMP_CMP_MASKED_EQ" \
	}

static const struct rule rules[] = {
	/* Network. */
	{ .names = "accept accept4 bind connect getpeername getsockname getsockopt listen recv "
		   "recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto "
		   "setsockopt shutdown socketcall socketpair" },
	/* Time. */
	{ .names = "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 "
		   "clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer "
		   "gettimeofday nanosleep setitimer time timer_create timer_delete "
		   "timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 "
		   "timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
		   "timerfd_settime64 times" },
	/* Memory. */
	{ .names = "brk cachestat madvise map_shadow_stack memfd_create memfd_secret mincore mlock "
		   "mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall "
		   "munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages" },
	/* Identity. */
	{ .names = "capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups "
		   "getgroups32 getresgid getresgid32 getresuid getresuid32 getuid getuid32 "
		   "setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 "
		   "setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid "
		   "setreuid32 setuid setuid32" },
	/* Waiting. */
	{ .names = "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 "
		   "epoll_wait epoll_wait_old fanotify_mark inotify_add_watch inotify_init "
		   "inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents "
		   "io_pgetevents_time64 io_setup io_submit _newselect poll ppoll ppoll_time64 "
		   "pselect6 pselect6_time64 select" },
	/* IPC. */
	{ .names = "eventfd eventfd2 ipc mq_getsetattr mq_notify mq_open mq_timedreceive "
		   "mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl "
		   "msgget msgrcv msgsnd pipe pipe2 semctl semget semop semtimedop "
		   "semtimedop_time64 shmat shmctl shmdt shmget" },
	/* Processes. */
	{ .names = "execve execveat exit exit_group fork futex futex_requeue futex_time64 "
		   "futex_wait futex_waitv futex_wake get_robust_list get_thread_area getcpu "
		   "getpgid getpgrp getpid getppid getpriority getrandom getrlimit getrusage "
		   "getsid gettid ioprio_get ioprio_set landlock_add_rule landlock_create_ruleset "
		   "landlock_restrict_self membarrier pidfd_open prctl prlimit64 process_mrelease "
		   "riscv_hwprobe rseq sched_get_priority_max sched_get_priority_min "
		   "sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
		   "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity "
		   "sched_setattr sched_setparam sched_setscheduler sched_yield seccomp "
		   "set_robust_list set_thread_area set_tid_address setpgid setpriority setrlimit "
		   "setsid sysinfo ugetrlimit umask uname uretprobe vfork wait4 waitid waitpid" },
	/* Signals. */
	{ .names = "kill pause pidfd_send_signal restart_syscall rt_sigaction rt_sigpending "
		   "rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait "
		   "rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signalfd signalfd4 "
		   "sigprocmask sigreturn tgkill tkill" },
	/* Names, attributes and owners. */
	{ .names = "chmod chown chown32 fchmod fchmodat fchmodat2 fchown fchown32 fchownat "
		   "fgetxattr flistxattr fremovexattr fsetxattr futimesat getxattr getxattrat "
		   "lchown lchown32 lgetxattr listxattr listxattrat llistxattr lremovexattr "
		   "lsetxattr removexattr removexattrat setxattr setxattrat utime utimensat "
		   "utimensat_time64 utimes" },
	/* Contents of files. */
	{ .names = "copy_file_range fadvise64 fadvise64_64 fallocate fdatasync fsync ftruncate "
		   "ftruncate64 _llseek lseek pread64 preadv preadv2 pwrite64 pwritev pwritev2 "
		   "read readahead readv sendfile sendfile64 splice sync sync_file_range syncfs "
		   "tee truncate truncate64 vmsplice write writev" },
	/* Files, directories and descriptors. */
	{ .names = "access chdir close close_range creat dup dup2 dup3 faccessat faccessat2 fchdir "
		   "fcntl fcntl64 flock fstat fstat64 fstatat64 fstatfs fstatfs64 getcwd getdents "
		   "getdents64 ioctl link linkat listmount lstat lstat64 mkdir mkdirat mknod "
		   "mknodat name_to_handle_at newfstatat open openat openat2 readlink readlinkat "
		   "rename renameat renameat2 rmdir stat stat64 statfs statfs64 statmount statx "
		   "symlink symlinkat unlink unlinkat" },
	/* With conditions. */
	{ .names = "process_vm_readv process_vm_writev ptrace", .min_kernel = "4.8" },
	{ .names = "personality", .arg = EQUALS(1, 0) },
	{ .names = "personality", .arg = EQUALS(1, 0x8) },
	{ .names = "personality", .arg = EQUALS(1, 0x20000) },
	{ .names = "personality", .arg = EQUALS(1, 0x20008) },
	{ .names = "personality", .arg = EQUALS(1, 0xffffffff) },
	/* AF_VSOCK is not separated by namespaces. */
	{ .names = "socket", .arg = { 1, 40, 0, "SCMP_CMP_NE" } },
	{ .names = "socket", .refused = EPERM, .arg = EQUALS(1, 40) },
	{ .names = "swapcontext sync_file_range2", .arches = "ppc64le" },
	{ .names = "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls "
		   "sync_file_range2",
	  .arches = "arm arm64" },
	{ .names = "arch_prctl", .arches = "amd64 x32" },
	{ .names = "modify_ldt", .arches = "amd64 x32 x86" },
	{ .names = "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr",
	  .arches = "s390 s390x" },
	{ .names = "riscv_flush_icache", .arches = "riscv64" },
	/* Creates namespaces; on s390 the order of arguments differs. */
	{ .names = "clone",
	  .without = "CAP_SYS_ADMIN",
	  .other_arches = "s390 s390x",
	  .arg = HAS_NONE(1, NEW_NAMESPACES) },
	{ .names = "clone",
	  .without = "CAP_SYS_ADMIN",
	  .arches = "s390 s390x",
	  .arg = HAS_NONE(2, NEW_NAMESPACES) },
	{ .names = "clone",
	  .refused = EPERM,
	  .without = "CAP_SYS_ADMIN",
	  .other_arches = "s390 s390x",
	  .arg = HAS_FLAG(1, 0x20000) },
	{ .names = "clone",
	  .refused = EPERM,
	  .without = "CAP_SYS_ADMIN",
	  .other_arches = "s390 s390x",
	  .arg = HAS_FLAG(1, 0x2000000) },
	{ .names = "clone",
	  .refused = EPERM,
	  .without = "CAP_SYS_ADMIN",
	  .other_arches = "s390 s390x",
	  .arg = HAS_FLAG(1, 0x4000000) },
	{ .names = "clone",
	  .refused = EPERM,
	  .without = "CAP_SYS_ADMIN",
	  .other_arches = "s390 s390x",
	  .arg = HAS_FLAG(1, 0x8000000) },
	{ .names = "clone",
	  .refused = EPERM,
	  .without = "CAP_SYS_ADMIN",
	  .other_arches = "s390 s390x",
	  .arg = HAS_FLAG(1, 0x10000000) },
	{ .names = "clone",
	  .refused = EPERM,
	  .without = "CAP_SYS_ADMIN",
	  .other_arches = "s390 s390x",
	  .arg = HAS_FLAG(1, 0x20000000) },
	{ .names = "clone",
	  .refused = EPERM,
	  .without = "CAP_SYS_ADMIN",
	  .other_arches = "s390 s390x",
	  .arg = HAS_FLAG(1, 0x40000000) },
	{ .names = "clone", .with = "CAP_SYS_ADMIN" },
	/*
	 * Its flags are in memory, which a filter cannot read; the C library falls back to clone.
	 */
	{ .names = "clone3", .caps = "CAP_SYS_ADMIN", .refused = ENOSYS },
	/* Calls that require a capability. */
	{ .names = "fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
		   "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree "
		   "quotactl quotactl_fd setdomainname sethostname setns umount umount2 unshare",
	  .caps = "CAP_SYS_ADMIN" },
	{ .names = "bpf", .caps = "CAP_SYS_ADMIN CAP_BPF" },
	{ .names = "perf_event_open", .caps = "CAP_SYS_ADMIN CAP_PERFMON" },
	{ .names = "syslog", .caps = "CAP_SYS_ADMIN CAP_SYSLOG" },
	{ .names = "open_by_handle_at", .caps = "CAP_DAC_READ_SEARCH" },
	{ .names = "reboot", .caps = "CAP_SYS_BOOT" },
	{ .names = "chroot", .caps = "CAP_SYS_CHROOT" },
	{ .names = "delete_module finit_module init_module", .caps = "CAP_SYS_MODULE" },
	{ .names = "acct", .caps = "CAP_SYS_PACCT" },
	{ .names = "kcmp pidfd_getfd process_madvise", .caps = "CAP_SYS_PTRACE" },
	{ .names = "ioperm iopl", .caps = "CAP_SYS_RAWIO" },
	{ .names = "clock_settime clock_settime64 settimeofday stime", .caps = "CAP_SYS_TIME" },
	{ .names = "vhangup", .caps = "CAP_SYS_TTY_CONFIG" },
	{ .names = "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
	  .caps = "CAP_SYS_NICE" },
	/* Denied. */
	{ .names = "_sysctl add_key afs_syscall bdflush create_module get_kernel_syms getpmsg "
		   "io_uring_enter io_uring_register io_uring_setup kexec_file_load kexec_load "
		   "keyctl migrate_pages move_pages nfsservctl nice oldfstat oldlstat oldolduname "
		   "oldstat olduname pciconfig_iobase pciconfig_read pciconfig_write pivot_root "
		   "putpmsg query_module readdir request_key security sgetmask sigaction signal "
		   "sigpending sigsuspend ssetmask swapoff swapon sysfs tuxcall uselib "
		   "userfaultfd ustat vm86 vm86old vserver",
	  .refused = EPERM },
};

/* --- in docker's form --- */

/* Split words at blanks into a list. */
static json_t *words(const char *s)
{
	json_t *list = json_array();

	while (s && *s) {
		size_t n = strcspn(s, " ");

		json_array_append_new(list, json_stringn(s, n));
		s += n + strspn(s + n, " ");
	}
	return list;
}

/* A rule without conditions on capabilities; error 0 allows. */
static json_t *make(const struct rule *r, int error)
{
	json_t *j = json_pack("{s:o, s:s, s:{s:o, s:o}, s:{s:o, s:o}}", "names", words(r->names),
			      "action", error ? "SCMP_ACT_ERRNO" : "SCMP_ACT_ALLOW", "includes",
			      "caps", words(r->with), "arches", words(r->arches), "excludes",
			      "caps", words(r->without), "arches", words(r->other_arches));

	if (j && error)
		json_object_set_new(j, "errnoRet", json_integer(error));
	if (j && r->min_kernel)
		json_object_set_new(json_object_get(j, "includes"), "minKernel",
				    json_string(r->min_kernel));
	if (j && r->arg.n)
		json_object_set_new(j, "args",
				    json_pack("[{s:i, s:I, s:I, s:s}]", "index", r->arg.n - 1,
					      "value", (json_int_t)r->arg.value, "valueTwo",
					      (json_int_t)r->arg.value_two, "op", r->arg.op));
	return j;
}

/* Allow with any of the capabilities, deny without all of them. */
static int add_by_caps(json_t *list, const struct rule *r)
{
	_cleanup_json_ json_t *caps = words(r->caps);
	json_t *refused = make(r, r->refused ? r->refused : EPERM), *cap;
	size_t i;

	json_array_foreach(caps, i, cap) {
		json_t *allowed = make(r, 0);

		json_array_append(json_object_get(json_object_get(allowed, "includes"), "caps"),
				  cap);
		if (json_array_append_new(list, allowed) < 0)
			return -ENOMEM;
	}
	json_object_set(json_object_get(refused, "excludes"), "caps", caps);
	return json_array_append_new(list, refused) < 0 ? -ENOMEM : 0;
}

static json_t *architectures(void)
{
	return json_pack("[{s:s, s:[s, s]}, {s:s, s:[s]}, {s:s, s:[s]}, {s:s, s:[s, s]}, {s:s, "
			 "s:[s, s]}, {s:s, s:[]}]",
			 "architecture", "SCMP_ARCH_X86_64", "subArchitectures", "SCMP_ARCH_X86",
			 "SCMP_ARCH_X32", "architecture", "SCMP_ARCH_AARCH64", "subArchitectures",
			 "SCMP_ARCH_ARM", "architecture", "SCMP_ARCH_S390X", "subArchitectures",
			 "SCMP_ARCH_S390", "architecture", "SCMP_ARCH_MIPS64", "subArchitectures",
			 "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64N32", "architecture",
			 "SCMP_ARCH_MIPSEL64", "subArchitectures", "SCMP_ARCH_MIPSEL",
			 "SCMP_ARCH_MIPSEL64N32", "architecture", "SCMP_ARCH_RISCV64",
			 "subArchitectures");
}

json_t *seccomp_list(void)
{
	_cleanup_json_ json_t *list = json_array();
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(rules) && r == 0; i++)
		if (rules[i].caps)
			r = add_by_caps(list, &rules[i]);
		else
			r = json_array_append_new(list, make(&rules[i], rules[i].refused));
	if (r < 0)
		return NULL;
	return json_pack("{s:s, s:i, s:o, s:O}", "defaultAction", "SCMP_ACT_ERRNO",
			 "defaultErrnoRet", ENOSYS, "archMap", architectures(), "syscalls", list);
}
