/* spec    docker run --help */
#include "tools/run/run_options.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "tools/run/ensure_options.h"
#include "tools/run/run_args.h"

enum {
	OPT_NAME = 256,
	OPT_RM,
	OPT_ENTRYPOINT,
	OPT_ENV_FILE,
	OPT_RUNTIME,
	OPT_NETWORK,
	OPT_PULL,
	OPT_PLATFORM,
	OPT_PLAIN_HTTP,
	OPT_MOUNT,
	OPT_TMPFS,
	OPT_SECURITY,
	OPT_NOTHING,
	OPT_SIGNALS,
	OPT_TRUST,
	OPT_REFUSED /* the first of many */
};

static const struct option own[] = {
	{ "rm", no_argument, NULL, OPT_RM },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "interactive", no_argument, NULL, 'i' },
	{ "tty", no_argument, NULL, 't' },
	{ "env", required_argument, NULL, 'e' },
	{ "env-file", required_argument, NULL, OPT_ENV_FILE },
	{ "volume", required_argument, NULL, 'v' },
	{ "mount", required_argument, NULL, OPT_MOUNT },
	{ "tmpfs", required_argument, NULL, OPT_TMPFS },
	{ "workdir", required_argument, NULL, 'w' },
	{ "user", required_argument, NULL, 'u' },
	{ "hostname", required_argument, NULL, 'h' },
	{ "entrypoint", required_argument, NULL, OPT_ENTRYPOINT },
	{ "runtime", required_argument, NULL, OPT_RUNTIME },
	{ "network", required_argument, NULL, OPT_NETWORK },
	{ "net", required_argument, NULL, OPT_NETWORK },
	{ "security-opt", required_argument, NULL, OPT_SECURITY },
	{ "detach", no_argument, NULL, 'd' },
	{ "pull", required_argument, NULL, OPT_PULL },
	{ "platform", required_argument, NULL, OPT_PLATFORM },
	{ "plain-http", no_argument, NULL, OPT_PLAIN_HTTP },
	/* True of every run. */
	{ "sig-proxy", optional_argument, NULL, OPT_SIGNALS },
	{ "disable-content-trust", optional_argument, NULL, OPT_TRUST },
	{ "no-healthcheck", no_argument, NULL, OPT_NOTHING },
};

const char run_options_shorts[] = "+ite:v:w:u:h:dp:Pm:c:l:a:";

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

static const struct refused {
	const char *name;
	int has_arg;
	char letter; /* 0: none */
	const char *why;
} refused[] = {
	{ "publish", required_argument, 'p', ports },
	{ "publish-all", no_argument, 'P', ports },
	{ "expose", required_argument, 0, ports },
	{ "dns", required_argument, 0, names },
	{ "dns-option", required_argument, 0, names },
	{ "dns-opt", required_argument, 0, names },
	{ "dns-search", required_argument, 0, names },
	{ "add-host", required_argument, 0, names },
	{ "domainname", required_argument, 0, network },
	{ "link", required_argument, 0, network },
	{ "network-alias", required_argument, 0, network },
	{ "net-alias", required_argument, 0, network },
	{ "ip", required_argument, 0, network },
	{ "ip6", required_argument, 0, network },
	{ "link-local-ip", required_argument, 0, network },
	{ "mac-address", required_argument, 0, network },
	{ "memory", required_argument, 'm', limits },
	{ "memory-reservation", required_argument, 0, limits },
	{ "memory-swap", required_argument, 0, limits },
	{ "memory-swappiness", required_argument, 0, limits },
	{ "kernel-memory", required_argument, 0, limits },
	{ "cpus", required_argument, 0, limits },
	{ "cpu-shares", required_argument, 'c', limits },
	{ "cpu-count", required_argument, 0, limits },
	{ "cpu-percent", required_argument, 0, limits },
	{ "cpu-period", required_argument, 0, limits },
	{ "cpu-quota", required_argument, 0, limits },
	{ "cpu-rt-period", required_argument, 0, limits },
	{ "cpu-rt-runtime", required_argument, 0, limits },
	{ "cpuset-cpus", required_argument, 0, limits },
	{ "cpuset-mems", required_argument, 0, limits },
	{ "pids-limit", required_argument, 0, limits },
	{ "blkio-weight", required_argument, 0, limits },
	{ "blkio-weight-device", required_argument, 0, limits },
	{ "device-read-bps", required_argument, 0, limits },
	{ "device-read-iops", required_argument, 0, limits },
	{ "device-write-bps", required_argument, 0, limits },
	{ "device-write-iops", required_argument, 0, limits },
	{ "io-maxbandwidth", required_argument, 0, limits },
	{ "io-maxiops", required_argument, 0, limits },
	{ "oom-kill-disable", no_argument, 0, limits },
	{ "oom-score-adj", required_argument, 0, limits },
	{ "cgroup-parent", required_argument, 0, limits },
	{ "ulimit", required_argument, 0, ulimits },
	{ "gpus", required_argument, 0, devices },
	{ "device", required_argument, 0, devices },
	{ "device-cgroup-rule", required_argument, 0, devices },
	{ "privileged", no_argument, 0, privileges },
	{ "cap-add", required_argument, 0, privileges },
	{ "cap-drop", required_argument, 0, privileges },
	{ "restart", required_argument, 0, stays },
	{ "detach-keys", required_argument, 0, detach },
	{ "userns", required_argument, 0, spaces },
	{ "pid", required_argument, 0, spaces },
	{ "ipc", required_argument, 0, spaces },
	{ "uts", required_argument, 0, spaces },
	{ "cgroupns", required_argument, 0, spaces },
	{ "sysctl", required_argument, 0, spaces },
	{ "volume-driver", required_argument, 0, volumes },
	{ "volumes-from", required_argument, 0, volumes },
	{ "health-cmd", required_argument, 0, health },
	{ "health-interval", required_argument, 0, health },
	{ "health-retries", required_argument, 0, health },
	{ "health-start-interval", required_argument, 0, health },
	{ "health-start-period", required_argument, 0, health },
	{ "health-timeout", required_argument, 0, health },
	{ "log-driver", required_argument, 0, logs },
	{ "log-opt", required_argument, 0, logs },
	{ "attach", required_argument, 'a', logs },
	{ "label", required_argument, 'l', labels },
	{ "label-file", required_argument, 0, labels },
	{ "annotation", required_argument, 0, labels },
	{ "read-only", no_argument, 0, files },
	{ "storage-opt", required_argument, 0, files },
	{ "shm-size", required_argument, 0,
	  "/dev/shm has 64 MiB; mount a larger one: --mount "
	  "type=tmpfs,dst=/dev/shm,tmpfs-size=1g" },
	{ "group-add", required_argument, 0,
	  "a user has the groups of the image's /etc/group; "
	  "name one group: -u USER:GROUP" },
	{ "init", no_argument, 0, "no other program is put before the command" },
	{ "stop-signal", required_argument, 0,
	  "there is no verb stop; kill -TERM ends this command" },
	{ "stop-timeout", required_argument, 0,
	  "there is no verb stop; timeout(1) ends this command" },
	{ "cidfile", required_argument, 0, "a container has no ID; give it a name: --name" },
	{ "isolation", required_argument, 0, none },
	{ "use-api-socket", no_argument, 0, none },
};

static int refuse(const struct refused *r, struct err *err)
{
	return err_set(err, ENOTSUP, "--%s cannot work here: %s", r->name, r->why);
}

const struct option *run_options_longs(void)
{
	static struct option all[ARRAY_SIZE(own) + ARRAY_SIZE(refused) + 1];
	size_t i;

	memcpy(all, own, sizeof(own));
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		all[ARRAY_SIZE(own) + i] = (struct option){ refused[i].name, refused[i].has_arg,
							    NULL, OPT_REFUSED + (int)i };
	return all;
}

/* --- what is taken --- */

static int take_network(const char *arg, struct err *err)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	if (strcmp(arg, "host") == 0)
		return 0;
	text_escape(&shown, arg);
	return err_set(err, ENOTSUP, "unsupported --network \"%.100s\": only \"host\" is supported",
		       buf_str(&shown));
}

/* NULL: it is none of them. */
static const char **text_of(struct run_args *a, struct ensure_options *ensure, int opt)
{
	switch (opt) {
	case 'w':
		return &a->workdir;
	case 'u':
		return &a->user;
	case 'h':
		return &a->hostname;
	case OPT_NAME:
		return &a->name;
	case OPT_ENTRYPOINT:
		return &a->entrypoint;
	case OPT_RUNTIME:
		return &a->runtime;
	case OPT_PULL:
		return &ensure->pull;
	case OPT_PLATFORM:
		return &ensure->platform;
	default:
		return NULL;
	}
}

static bool *switch_of(struct run_args *a, struct ensure_options *ensure, int opt)
{
	switch (opt) {
	case 'i':
		return &a->interactive;
	case 't':
		return &a->tty;
	case OPT_RM:
		return &a->rm;
	case OPT_PLAIN_HTTP:
		return &ensure->plain_http;
	default:
		return NULL;
	}
}

/* A switch that is always on; arg is what is behind its =, or NULL. */
static int take_always(const char *name, const char *arg, const char *why, struct err *err)
{
	struct buf shown _cleanup_buf_ = BUF_INIT;

	if (!arg || text_bool(arg) == 1)
		return 0;
	text_escape(&shown, arg);
	return err_set(err, ENOTSUP, "--%s=%.20s cannot work here: %s", name, buf_str(&shown), why);
}

static int take_refused(int opt, struct err *err)
{
	size_t i;

	if (opt >= OPT_REFUSED)
		return refuse(&refused[opt - OPT_REFUSED], err);
	for (i = 0; i < ARRAY_SIZE(refused); i++)
		if (refused[i].letter == opt)
			return refuse(&refused[i], err);
	return 0;
}

int run_options_take(struct run_args *a, struct ensure_options *ensure, int opt, char *arg,
		     struct err *err)
{
	const char **text = text_of(a, ensure, opt);
	bool *on = switch_of(a, ensure, opt);

	if (text)
		*text = arg;
	if (on)
		*on = true;
	if (text || on)
		return 0;
	switch (opt) {
	case 'e':
		return run_args_env(a, arg, err);
	case OPT_ENV_FILE:
		return run_args_env_file(a, arg, err);
	case 'v':
		return run_args_volume(a, arg, err);
	case OPT_MOUNT:
		return run_args_mount(a, arg, err);
	case OPT_TMPFS:
		return run_args_tmpfs(a, arg, err);
	case OPT_SECURITY:
		return run_args_security(a, arg, err);
	case OPT_NETWORK:
		return take_network(arg, err);
	case OPT_SIGNALS:
		return take_always("sig-proxy", arg, "signals always go to the command", err);
	case OPT_TRUST:
		return take_always("disable-content-trust", arg,
				   "no image's signature is looked at", err);
	case 'd':
		return err_set(err, ENOTSUP, "--detach cannot work here: %s", detach);
	default:
		return take_refused(opt, err);
	}
}
