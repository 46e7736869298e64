/* spec    docker run --help */
#include "tools/run/run_options.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"

/* --- why an option is refused --- */

static const char ports[] = "containers use the host's network; a port on which the command "
			    "listens is a port of the host";
static const char names[] =
	"containers use the host's network and name servers; to change them, mount a file: "
	"-v ./resolv.conf:/etc/resolv.conf:ro, -v ./hosts:/etc/hosts:ro";
static const char network[] = "containers use the host's network, addresses and names";
static const char limits[] = "containers have no cgroup of their own; limit this command: "
			     "systemd-run --scope -p MemoryMax=1G -p CPUQuota=50% imagefs run ...";
static const char ulimits[] = "containers inherit the limits of this command; set them before: "
			      "ulimit -n 1024; imagefs run ...";
static const char devices[] = "containers have no access to host devices";
static const char privileges[] = "capabilities are fixed: without cgroups, only they protect the "
				 "host's disks";
static const char stays[] = "a container runs as long as this command; restart it with systemd or "
			    "with a shell loop";
static const char detach[] = "a container runs as long as this command; run it in the background "
			     "with &";
static const char spaces[] = "containers always have their own PID, IPC, mount and UTS namespaces, "
			     "and the host's network";
static const char volumes[] = "named volumes are not supported; mount a directory of the host: "
			      "-v ./data:/data";
static const char health[] = "health checks are not run";
static const char logs[] = "output goes to stdout and stderr; redirect them: >log 2>&1";
static const char labels[] = "containers have the image's labels; add labels to an image with "
			     "commit -c 'LABEL key=value'";
static const char files[] =
	"the container's file system is always writable and has no size limit of its own";

/* --- options with a function --- */

static int take_network(void *nothing, char *arg, struct err *err)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	(void)nothing;
	if (strcmp(arg, "host") == 0)
		return 0;
	text_escape(&shown, arg);
	return err_set(err, ENOTSUP, "unsupported --network \"%.100s\": only \"host\" is supported",
		       buf_str(&shown));
}

/* A switch that is always on; arg is the text after its =, or NULL. */
static int take_always(const char *name, const char *arg, const char *why, struct err *err)
{
	return !arg || text_bool(arg) == 1
		       ? 0
		       : err_set(err, ENOTSUP, "unsupported --%s=%s: %s", name, arg, why);
}

static int take_sig_proxy(void *nothing, char *arg, struct err *err)
{
	(void)nothing;
	return take_always("sig-proxy", arg, "signals are always forwarded to the command", err);
}

static int take_trust(void *nothing, char *arg, struct err *err)
{
	(void)nothing;
	return take_always("disable-content-trust", arg, "signatures of images are not verified",
			   err);
}

static int take_env(void *args, char *arg, struct err *err)
{
	return run_args_env(args, arg, err);
}

static int take_env_file(void *args, char *arg, struct err *err)
{
	return run_args_env_file(args, arg, err);
}

static int take_volume(void *args, char *arg, struct err *err)
{
	return run_args_volume(args, arg, err);
}

static int take_mount(void *args, char *arg, struct err *err)
{
	return run_args_mount(args, arg, err);
}

static int take_tmpfs(void *args, char *arg, struct err *err)
{
	return run_args_tmpfs(args, arg, err);
}

static int take_security(void *args, char *arg, struct err *err)
{
	return run_args_security(args, arg, err);
}

/* --- the table --- */

#define ARGS(member) OPTION(struct run_options, args.member)
#define ENSURE(member) OPTION(struct run_options, ensure.member)
#define TAKE(function) OPTION_TAKE(struct run_options, args, function)

const struct option_spec run_options[] = {
	{ 0, "rm", NULL, "remove the container when the command ends", ARGS(rm) },
	{ 0, "name", "NAME",
	  "name of the container and of its directory in containers/; the default is random",
	  ARGS(name) },
	{ 'i', "interactive", NULL, "pass standard input to the command instead of /dev/null",
	  ARGS(interactive) },
	{ 't', "tty", NULL, "give the command a terminal; -it for a shell", ARGS(tty) },
	{ 'e', "env", "KEY=VALUE", "set a variable; KEY alone takes its value from the environment",
	  TAKE(take_env) },
	{ 0, "env-file", "FILE", "read variables from FILE, one per line", TAKE(take_env_file) },
	{ 'v', "volume", "HOST:PATH[:ro]", "mount HOST, a file or directory of this host, at PATH",
	  TAKE(take_volume), .values = "FILE" },
	{ 0, "mount", "type=bind,src=HOST,dst=PATH[,ro]",
	  "the same, also for a HOST with a colon; type=tmpfs,dst=PATH mounts a tmpfs",
	  TAKE(take_mount),
	  .values = "type=bind|type=tmpfs|src=FILE|dst=|ro|tmpfs-size=|tmpfs-mode=",
	  .commas = true },
	{ 0, "tmpfs", "PATH", "mount a tmpfs at PATH", TAKE(take_tmpfs) },
	{ 'w', "workdir", "PATH", "working directory of the command", ARGS(workdir) },
	{ 'u', "user", "USER[:GROUP]", "user and group of the command, names or numbers",
	  ARGS(user) },
	{ 'h', "hostname", "NAME", "host name in the container; the default is this host's",
	  ARGS(hostname) },
	{ 0, "entrypoint", "PROGRAM", "replace the image's entrypoint", ARGS(entrypoint) },
	{ 0, "runtime", "NAME", "OCI runtime: crun, runc or a path; the default is crun, else runc",
	  ARGS(runtime), .values = "crun|runc" },
	{ 0, "network", "host", "use the host's network; no other is supported", TAKE(take_network),
	  .values = "host" },
	{ 0, "net", "host", NULL, TAKE(take_network), .values = "host" },
	{ 0, "security-opt", "RULE",
	  "seccomp=FILE|unconfined: filter of system calls; the default is docker's list; "
	  "no-new-privileges: ignore set-ID bits and file capabilities",
	  TAKE(take_security), .values = "seccomp=unconfined|seccomp=FILE|no-new-privileges" },
	{ 0, "pull", "WHEN", "pull the image: missing (the default), always, never", ENSURE(pull),
	  .values = "missing|always|never" },
	{ 0, "platform", "OS/ARCH[/VARIANT]",
	  "use the image for this platform; the default is this host's", ENSURE(platform),
	  .values = PLATFORM_VALUES },
	{ 0, "plain-http", NULL, "use http if the registry does not support https",
	  ENSURE(plain_http) },
	{ 'd', "detach", NULL, "not supported: a container runs as long as this command",
	  OPTION_REFUSE(detach) },
	/* These describe every run anyway. */
	{ 0, "sig-proxy", NULL, NULL, TAKE(take_sig_proxy) },
	{ 0, "disable-content-trust", NULL, NULL, TAKE(take_trust) },
	{ 0, "no-healthcheck", NULL, NULL, OPTION_IGNORE },
	{ 'p', "publish", "ARG", NULL, OPTION_REFUSE(ports) },
	{ 'P', "publish-all", NULL, NULL, OPTION_REFUSE(ports) },
	{ 0, "expose", "ARG", NULL, OPTION_REFUSE(ports) },
	{ 0, "dns", "ARG", NULL, OPTION_REFUSE(names) },
	{ 0, "dns-option", "ARG", NULL, OPTION_REFUSE(names) },
	{ 0, "dns-opt", "ARG", NULL, OPTION_REFUSE(names) },
	{ 0, "dns-search", "ARG", NULL, OPTION_REFUSE(names) },
	{ 0, "add-host", "ARG", NULL, OPTION_REFUSE(names) },
	{ 0, "domainname", "ARG", NULL, OPTION_REFUSE(network) },
	{ 0, "link", "ARG", NULL, OPTION_REFUSE(network) },
	{ 0, "network-alias", "ARG", NULL, OPTION_REFUSE(network) },
	{ 0, "net-alias", "ARG", NULL, OPTION_REFUSE(network) },
	{ 0, "ip", "ARG", NULL, OPTION_REFUSE(network) },
	{ 0, "ip6", "ARG", NULL, OPTION_REFUSE(network) },
	{ 0, "link-local-ip", "ARG", NULL, OPTION_REFUSE(network) },
	{ 0, "mac-address", "ARG", NULL, OPTION_REFUSE(network) },
	{ 'm', "memory", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "memory-reservation", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "memory-swap", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "memory-swappiness", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "kernel-memory", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "cpus", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 'c', "cpu-shares", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "cpu-count", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "cpu-percent", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "cpu-period", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "cpu-quota", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "cpu-rt-period", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "cpu-rt-runtime", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "cpuset-cpus", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "cpuset-mems", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "pids-limit", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "blkio-weight", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "blkio-weight-device", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "device-read-bps", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "device-read-iops", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "device-write-bps", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "device-write-iops", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "io-maxbandwidth", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "io-maxiops", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "oom-kill-disable", NULL, NULL, OPTION_REFUSE(limits) },
	{ 0, "oom-score-adj", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "cgroup-parent", "ARG", NULL, OPTION_REFUSE(limits) },
	{ 0, "ulimit", "ARG", NULL, OPTION_REFUSE(ulimits) },
	{ 0, "gpus", "ARG", NULL, OPTION_REFUSE(devices) },
	{ 0, "device", "ARG", NULL, OPTION_REFUSE(devices) },
	{ 0, "device-cgroup-rule", "ARG", NULL, OPTION_REFUSE(devices) },
	{ 0, "privileged", NULL, NULL, OPTION_REFUSE(privileges) },
	{ 0, "cap-add", "ARG", NULL, OPTION_REFUSE(privileges) },
	{ 0, "cap-drop", "ARG", NULL, OPTION_REFUSE(privileges) },
	{ 0, "restart", "ARG", NULL, OPTION_REFUSE(stays) },
	{ 0, "detach-keys", "ARG", NULL, OPTION_REFUSE(detach) },
	{ 0, "userns", "ARG", NULL, OPTION_REFUSE(spaces) },
	{ 0, "pid", "ARG", NULL, OPTION_REFUSE(spaces) },
	{ 0, "ipc", "ARG", NULL, OPTION_REFUSE(spaces) },
	{ 0, "uts", "ARG", NULL, OPTION_REFUSE(spaces) },
	{ 0, "cgroupns", "ARG", NULL, OPTION_REFUSE(spaces) },
	{ 0, "sysctl", "ARG", NULL, OPTION_REFUSE(spaces) },
	{ 0, "volume-driver", "ARG", NULL, OPTION_REFUSE(volumes) },
	{ 0, "volumes-from", "ARG", NULL, OPTION_REFUSE(volumes) },
	{ 0, "health-cmd", "ARG", NULL, OPTION_REFUSE(health) },
	{ 0, "health-interval", "ARG", NULL, OPTION_REFUSE(health) },
	{ 0, "health-retries", "ARG", NULL, OPTION_REFUSE(health) },
	{ 0, "health-start-interval", "ARG", NULL, OPTION_REFUSE(health) },
	{ 0, "health-start-period", "ARG", NULL, OPTION_REFUSE(health) },
	{ 0, "health-timeout", "ARG", NULL, OPTION_REFUSE(health) },
	{ 0, "log-driver", "ARG", NULL, OPTION_REFUSE(logs) },
	{ 0, "log-opt", "ARG", NULL, OPTION_REFUSE(logs) },
	{ 'a', "attach", "ARG", NULL, OPTION_REFUSE(logs) },
	{ 'l', "label", "ARG", NULL, OPTION_REFUSE(labels) },
	{ 0, "label-file", "ARG", NULL, OPTION_REFUSE(labels) },
	{ 0, "annotation", "ARG", NULL, OPTION_REFUSE(labels) },
	{ 0, "read-only", NULL, NULL, OPTION_REFUSE(files) },
	{ 0, "storage-opt", "ARG", NULL, OPTION_REFUSE(files) },
	{ 0, "shm-size", "ARG", NULL,
	  OPTION_REFUSE("/dev/shm has 64 MiB; mount a larger tmpfs: --mount "
			"type=tmpfs,dst=/dev/shm,tmpfs-size=1g") },
	{ 0, "group-add", "ARG", NULL,
	  OPTION_REFUSE("the groups are those of the image's /etc/group; "
			"set the primary group: -u USER:GROUP") },
	{ 0, "init", NULL, NULL, OPTION_REFUSE("no other program is run as PID 1") },
	{ 0, "stop-signal", "ARG", NULL,
	  OPTION_REFUSE("the verb stop is not supported; end this command with kill -TERM") },
	{ 0, "stop-timeout", "ARG", NULL,
	  OPTION_REFUSE("the verb stop is not supported; limit the time with timeout(1)") },
	{ 0, "cidfile", "ARG", NULL,
	  OPTION_REFUSE("containers have no IDs; give it a name: --name") },
	{ 0, "isolation", "ARG", NULL, OPTION_REFUSE("it is for Windows containers") },
	{ 0, "use-api-socket", NULL, NULL, OPTION_REFUSE("imagefs has no API socket") },
	OPTIONS_END,
};
