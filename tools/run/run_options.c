/* spec    docker run --help */
#include "tools/run/run_options.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"

/* --- what is refused --- */

static const char ports[] = "the container has the host's network, so that a port on which its "
			    "command listens is the host's already";
static const char names[] =
	"the container has the host's network and its name servers; for other ones mount a file: "
	"-v ./resolv.conf:/etc/resolv.conf:ro, -v ./hosts:/etc/hosts:ro";
static const char network[] = "the container has the host's network, with its addresses and names";
static const char limits[] = "containers have no control group of their own; limit this command: "
			     "systemd-run --scope -p MemoryMax=1G -p CPUQuota=50% imagefs run ...";
static const char ulimits[] = "a container has the limits of this command; set them before it: "
			      "ulimit -n 1024; imagefs run ...";
static const char devices[] =
	"no device of the host is given to a container, nor is one made in it";
static const char privileges[] = "without control groups nothing else would keep a container from "
				 "the host's disks, so that its "
				 "capabilities are fixed";
static const char stays[] = "a container runs as long as this command; let systemd, or a loop of "
			    "the shell, start it again";
static const char detach[] = "a container runs as long as this command; let the shell put it into "
			     "the background with &";
static const char spaces[] = "a container always has process numbers, IPC, mounts and a host name "
			     "of its own, and the host's network";
static const char volumes[] = "there are no named volumes; mount a directory of the host: "
			      "-v ./data:/data";
static const char health[] = "nothing looks after a container's health";
static const char logs[] = "output goes to where this command's goes; redirect it: >log 2>&1";
static const char labels[] = "a container has the image's labels; commit -c 'LABEL key=value' "
			     "gives an image others";
static const char files[] =
	"the container's tree is always writable and on the store's file system";
static const char none[] = "there is no such thing here";

/* --- what is taken --- */

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

/* A switch that is always on; arg is what is behind its =, or NULL. */
static int take_always(const char *name, const char *arg, const char *why, struct err *err)
{
	return !arg || text_bool(arg) == 1
		       ? 0
		       : err_set(err, ENOTSUP, "unsupported --%s=%s: %s", name, arg, why);
}

static int take_sig_proxy(void *nothing, char *arg, struct err *err)
{
	(void)nothing;
	return take_always("sig-proxy", arg, "signals always go to the command", err);
}

static int take_trust(void *nothing, char *arg, struct err *err)
{
	(void)nothing;
	return take_always("disable-content-trust", arg, "no image's signature is looked at", err);
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
	{ 0, "rm", NULL, "remove the container when the command has ended", ARGS(rm) },
	{ 0, "name", "NAME",
	  "its name, and that of its directory below containers/; else a random one", ARGS(name) },
	{ 'i', "interactive", NULL, "the command reads this standard input, not /dev/null",
	  ARGS(interactive) },
	{ 't', "tty", NULL, "give it a terminal; -it for a shell", ARGS(tty) },
	{ 'e', "env", "KEY=VALUE", "a variable; KEY alone has the value that it has here",
	  TAKE(take_env) },
	{ 0, "env-file", "FILE", "variables from a file, one a line", TAKE(take_env_file) },
	{ 'v', "volume", "HOST:PATH[:ro]", "HOST, a file or directory of this host, is at PATH",
	  TAKE(take_volume), .values = "FILE" },
	{ 0, "mount", "type=bind,src=HOST,dst=PATH[,ro]",
	  "the same, also for a HOST with a colon; type=tmpfs,dst=PATH: a tmpfs", TAKE(take_mount),
	  .values = "type=bind|type=tmpfs|src=FILE|dst=|ro|tmpfs-size=|tmpfs-mode=",
	  .commas = true },
	{ 0, "tmpfs", "PATH", "a tmpfs at PATH", TAKE(take_tmpfs) },
	{ 'w', "workdir", "PATH", "where the command begins", ARGS(workdir) },
	{ 'u', "user", "USER[:GROUP]", "who runs the command; names or numbers", ARGS(user) },
	{ 'h', "hostname", "NAME", "else this host's", ARGS(hostname) },
	{ 0, "entrypoint", "PROGRAM", "in place of the image's", ARGS(entrypoint) },
	{ 0, "runtime", "NAME", "crun, runc or the path of another one; else crun, or runc",
	  ARGS(runtime), .values = "crun|runc" },
	{ 0, "network", "host", "the host's network; no other is supported", TAKE(take_network),
	  .values = "host" },
	{ 0, "net", "host", NULL, TAKE(take_network), .values = "host" },
	{ 0, "security-opt", "RULE",
	  "seccomp=FILE|unconfined: the system calls that it may use, else docker's list; "
	  "no-new-privileges: set-id bits and file capabilities give it nothing",
	  TAKE(take_security), .values = "seccomp=unconfined|seccomp=FILE|no-new-privileges" },
	{ 0, "pull", "WHEN", "pull the image: missing (the default), always, never", ENSURE(pull),
	  .values = "missing|always|never" },
	{ 0, "platform", "OS/ARCH[/VARIANT]", "the image for another platform than this host's",
	  ENSURE(platform), .values = PLATFORM_VALUES },
	{ 0, "plain-http", NULL, "http where the registry does not speak https",
	  ENSURE(plain_http) },
	{ 'd', "detach", NULL, "not supported: a container runs as long as this command",
	  OPTION_REFUSE(detach) },
	/* True of every run. */
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
	  OPTION_REFUSE("/dev/shm has 64 MiB; mount a larger one: --mount "
			"type=tmpfs,dst=/dev/shm,tmpfs-size=1g") },
	{ 0, "group-add", "ARG", NULL,
	  OPTION_REFUSE("a user has the groups of the image's /etc/group; "
			"name one group: -u USER:GROUP") },
	{ 0, "init", NULL, NULL, OPTION_REFUSE("no other program is put before the command") },
	{ 0, "stop-signal", "ARG", NULL,
	  OPTION_REFUSE("there is no verb stop; kill -TERM ends this command") },
	{ 0, "stop-timeout", "ARG", NULL,
	  OPTION_REFUSE("there is no verb stop; timeout(1) ends this command") },
	{ 0, "cidfile", "ARG", NULL,
	  OPTION_REFUSE("a container has no ID; give it a name: --name") },
	{ 0, "isolation", "ARG", NULL, OPTION_REFUSE(none) },
	{ 0, "use-api-socket", NULL, NULL, OPTION_REFUSE(none) },
	OPTIONS_END,
};
