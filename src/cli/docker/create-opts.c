/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options of `run` and `create`. */

#include <errno.h>

#include "cli/docker/create.h"

#define AT(member) offsetof(struct create_args, member)

static int flag_mount(const char *arg, struct err *e)
{
	return mount_option(arg, NULL, e);
}

/* Options whose arguments are looked at before they are kept. */
#define CHECKED(member, check)                                                               \
	static int add_##member(void *args, const char *arg, struct err *e)                  \
	{                                                                                    \
		int r = check(arg, e);                                                       \
                                                                                             \
		return r < 0 ? r : strv_push(&((struct create_args *)args)->member, arg, e); \
	}
#define BYTES(member, unlimited)                                                              \
	static int set_##member(void *args, const char *arg, struct err *e)                   \
	{                                                                                     \
		return size_option(arg, unlimited, &((struct create_args *)args)->member, e); \
	}
#define DURATION(member)                                                               \
	static int set_##member(void *args, const char *arg, struct err *e)            \
	{                                                                              \
		return duration_option(arg, &((struct create_args *)args)->member, e); \
	}

CHECKED(add_host, flag_add_host)
CHECKED(attach, flag_attach)
CHECKED(weight_devices, flag_weight)
CHECKED(device_rules, flag_device_rule)
CHECKED(read_bps, flag_bps)
CHECKED(read_iops, flag_iops)
CHECKED(write_bps, flag_bps)
CHECKED(write_iops, flag_iops)
CHECKED(dns, flag_ip)
CHECKED(dns_search, flag_dns_search)
CHECKED(env, flag_env)
CHECKED(gpus, flag_gpus)
DURATION(health_interval)
DURATION(health_start_interval)
DURATION(health_start_period)
DURATION(health_timeout)
BYTES(kernel_memory, false)
CHECKED(labels, flag_label)
CHECKED(links, flag_link)
BYTES(memory, false)
BYTES(memory_reservation, false)
BYTES(memory_swap, true)
CHECKED(mounts, flag_mount)
CHECKED(networks, flag_network)
BYTES(shm_size, false)
CHECKED(sysctls, flag_sysctl)
CHECKED(ulimits, flag_ulimit)

static int set_cpus(void *args, const char *arg, struct err *e)
{
	return cpus_option(arg, &((struct create_args *)args)->nano_cpus, e);
}

static int set_entrypoint(void *args, const char *arg, struct err *e)
{
	struct create_args *a = args;

	a->entrypoint = arg;
	a->entrypoint_set = true;
	return 0;
}

/* A switch that may not have been said at all. */
static int set_init(void *args, const char *arg, struct err *e)
{
	struct create_args *a = args;
	bool on = true;

	if (arg && opt_go_bool(arg, &on) < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "strconv.ParseBool: parsing \"%s\": invalid syntax", arg);
	a->init = on ? TRI_ON : TRI_OFF;
	return 0;
}

static int set_stop_timeout(void *args, const char *arg, struct err *e)
{
	static const struct opt row = { .name = "stop-timeout", .kind = OPT_INT, .offset = AT(stop_timeout) };
	struct create_args *a = args;
	int r = opt_store(&row, a, arg, NULL);

	if (r < 0)
		return err_kind(e, ERR_INVALID, r, "strconv.ParseInt: parsing \"%s\": invalid syntax", arg);
	a->stop_timeout_set = 1;
	return 0;
}

static int refuse_windows(void *args, const char *arg, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "only for containers of Windows");
}

const struct opt create_opts[] = {
	{ 0, "add-host", "HOST:IP", "A line of /etc/hosts; host-gateway is the host's own address.", OPT_CALL, 0,
	  .parse = add_add_host },
	{ 0, "annotation", "KEY=VALUE", "An annotation, for the runtime.", OPT_LIST, AT(annotations) },
	{ 'a', "attach", "STREAM", "Connect STDIN, STDOUT or STDERR only.", OPT_CALL, 0, .parse = add_attach,
	  .complete = COMPLETE_WORDS, .words = "stdin stdout stderr" },
	{ 0, "blkio-weight", "N", "Relative weight of block I/O, 10 to 1000; 0 for none.", OPT_INT, AT(blkio_weight) },
	{ 0, "blkio-weight-device", "DEVICE:N", "The same for one device.", OPT_CALL, 0, .parse = add_weight_devices },
	{ 0, "cap-add", "CAPABILITY", "A capability more than by default.", OPT_LIST, AT(cap_add) },
	{ 0, "cap-drop", "CAPABILITY", "A capability less; ALL for none.", OPT_LIST, AT(cap_drop) },
	{ 0, "cgroup-parent", "GROUP", "The control group in which the container's is made.", OPT_STR,
	  AT(cgroup_parent) },
	{ 0, "cgroupns", "MODE", "Whose control groups it sees: host or private.", OPT_STR, AT(cgroupns),
	  .complete = COMPLETE_WORDS, .words = "host private" },
	{ 0, "cidfile", "FILE", "Write the id to FILE, which must not exist.", OPT_STR, AT(cidfile),
	  .complete = COMPLETE_FILE },
	{ 0, "cpu-count", "N", "Of Windows: refused.", OPT_CALL, 0, .parse = refuse_windows, .flags = OPT_HIDDEN },
	{ 0, "cpu-percent", "N", "Of Windows: refused.", OPT_CALL, 0, .parse = refuse_windows, .flags = OPT_HIDDEN },
	{ 0, "cpu-period", "MICROSECONDS", "Period of the processor's quota.", OPT_I64, AT(cpu_period) },
	{ 0, "cpu-quota", "MICROSECONDS", "Processor time in a period.", OPT_I64, AT(cpu_quota) },
	{ 0, "cpu-rt-period", "MICROSECONDS", "The same for real-time processes.", OPT_I64, AT(rt_period) },
	{ 0, "cpu-rt-runtime", "MICROSECONDS", "The same for real-time processes.", OPT_I64, AT(rt_runtime) },
	{ 'c', "cpu-shares", "N", "Relative weight of processor time.", OPT_I64, AT(cpu_shares) },
	{ 0, "cpus", "N", "Processors at most; a fraction is allowed.", OPT_CALL, 0, .parse = set_cpus },
	{ 0, "cpuset-cpus", "LIST", "Processors that may be used: 0-3, 0,1.", OPT_STR, AT(cpuset_cpus) },
	{ 0, "cpuset-mems", "LIST", "Memory nodes that may be used.", OPT_STR, AT(cpuset_mems) },
	{ 0, "device", "HOST[:INSIDE[:rwm]]", "A device of the host.", OPT_LIST, AT(devices),
	  .complete = COMPLETE_FILE },
	{ 0, "device-cgroup-rule", "RULE", "A rule of the device controller: c 1:3 rmw.", OPT_CALL, 0,
	  .parse = add_device_rules },
	{ 0, "device-read-bps", "DEVICE:RATE", "Bytes read a second, at most.", OPT_CALL, 0, .parse = add_read_bps },
	{ 0, "device-read-iops", "DEVICE:RATE", "Reads a second, at most.", OPT_CALL, 0, .parse = add_read_iops },
	{ 0, "device-write-bps", "DEVICE:RATE", "Bytes written a second, at most.", OPT_CALL, 0,
	  .parse = add_write_bps },
	{ 0, "device-write-iops", "DEVICE:RATE", "Writes a second, at most.", OPT_CALL, 0, .parse = add_write_iops },
	{ 0, "disable-content-trust", NULL, "Accepted; signatures of Notary are not known.", OPT_BOOL,
	  AT(content_trust), 1 },
	{ 0, "dns", "ADDRESS", "A name server.", OPT_CALL, 0, .parse = add_dns },
	{ 0, "dns-opt", "OPTION", "As --dns-option.", OPT_LIST, AT(dns_options), .flags = OPT_HIDDEN },
	{ 0, "dns-option", "OPTION", "An option of resolv.conf.", OPT_LIST, AT(dns_options) },
	{ 0, "dns-search", "DOMAIN", "A domain to search; . for none.", OPT_CALL, 0, .parse = add_dns_search },
	{ 0, "domainname", "NAME", "NIS domain name.", OPT_STR, AT(domainname) },
	{ 0, "entrypoint", "COMMAND", "The program to run in place of the image's; an empty one clears it.", OPT_CALL,
	  0, .parse = set_entrypoint },
	{ 'e', "env", "NAME[=VALUE]", "A variable; without a value the caller's.", OPT_CALL, 0, .parse = add_env },
	{ 0, "env-file", "FILE", "Variables from FILE, one a line.", OPT_LIST, AT(env_files),
	  .complete = COMPLETE_FILE },
	{ 0, "expose", "PORT[-PORT][/PROTO]", "A port that is told of, but not published.", OPT_LIST, AT(expose) },
	{ 0, "gpus", "REQUEST", "GPUs: all, a number, or device=ID.", OPT_CALL, 0, .parse = add_gpus },
	{ 0, "group-add", "GROUP", "A further group of the first process.", OPT_LIST, AT(group_add) },
	{ 0, "health-cmd", "COMMAND", "How to see whether it is well.", OPT_STR, AT(health_cmd) },
	{ 0, "health-interval", "DURATION", "Time between two looks (ms, s, m, h).", OPT_CALL, 0,
	  .parse = set_health_interval },
	{ 0, "health-retries", "N", "Failures in a row that make it unhealthy.", OPT_INT, AT(health_retries) },
	{ 0, "health-start-interval", "DURATION", "Time between two looks during the start period.", OPT_CALL, 0,
	  .parse = set_health_start_interval },
	{ 0, "health-start-period", "DURATION", "Time in which failures do not count.", OPT_CALL, 0,
	  .parse = set_health_start_period },
	{ 0, "health-timeout", "DURATION", "Time that a look may take.", OPT_CALL, 0, .parse = set_health_timeout },
	{ 'h', "hostname", "NAME", "Host name inside.", OPT_STR, AT(hostname) },
	{ 0, "init", NULL, "Run an init that forwards signals and reaps processes.", OPT_CALL, 0, .parse = set_init,
	  .flags = OPT_OPTIONAL },
	{ 'i', "interactive", NULL, "Keep standard input open.", OPT_BOOL, AT(interactive), 1 },
	{ 0, "io-maxbandwidth", "BYTES", "Of Windows: refused.", OPT_CALL, 0, .parse = refuse_windows,
	  .flags = OPT_HIDDEN },
	{ 0, "io-maxiops", "N", "Of Windows: refused.", OPT_CALL, 0, .parse = refuse_windows, .flags = OPT_HIDDEN },
	{ 0, "ip", "ADDRESS", "IPv4 address in the network.", OPT_STR, AT(ip) },
	{ 0, "ip6", "ADDRESS", "IPv6 address in the network.", OPT_STR, AT(ip6) },
	{ 0, "ipc", "MODE", "IPC name space: none, private, shareable, host or container:NAME.", OPT_STR, AT(ipc) },
	{ 0, "isolation", "KIND", "Accepted: default.", OPT_STR, AT(isolation) },
	{ 0, "kernel-memory", "BYTES", "Accepted; the kernel has no such limit any more.", OPT_CALL, 0,
	  .parse = set_kernel_memory, .flags = OPT_HIDDEN },
	{ 'l', "label", "KEY[=VALUE]", "A label.", OPT_CALL, 0, .parse = add_labels },
	{ 0, "label-file", "FILE", "Labels from FILE, one a line.", OPT_LIST, AT(label_files),
	  .complete = COMPLETE_FILE },
	{ 0, "link", "NAME[:ALIAS]", "Another container, to be known by a name.", OPT_CALL, 0, .parse = add_links,
	  .complete = COMPLETE_NAME },
	{ 0, "link-local-ip", "ADDRESS", "A link-local address.", OPT_LIST, AT(link_local) },
	{ 0, "log-driver", "DRIVER", "Where the log goes.", OPT_STR, AT(log_driver), .complete = COMPLETE_WORDS,
	  .words = "json-file local none" },
	{ 0, "log-opt", "NAME=VALUE", "An option of the log driver.", OPT_LIST, AT(log_opts) },
	{ 0, "mac-address", "ADDRESS", "Hardware address.", OPT_STR, AT(mac_address) },
	{ 'm', "memory", "BYTES", "Memory at most.", OPT_CALL, 0, .parse = set_memory },
	{ 0, "memory-reservation", "BYTES", "Memory that is left to it when the host runs short.", OPT_CALL, 0,
	  .parse = set_memory_reservation },
	{ 0, "memory-swap", "BYTES", "Memory and swap together; -1 for unlimited.", OPT_CALL, 0,
	  .parse = set_memory_swap },
	{ 0, "memory-swappiness", "N", "0 to 100; -1 for the host's.", OPT_I64, AT(swappiness) },
	{ 0, "mount", "KEY=VALUE,...", "A mount: type=bind, volume or tmpfs, source=, target=, readonly …", OPT_CALL, 0,
	  .parse = add_mounts },
	{ 0, "name", "NAME", "Name of the container; one is made up without.", OPT_STR, AT(name) },
	{ 0, "net", "NETWORK", "As --network.", OPT_CALL, 0, .parse = add_networks, .flags = OPT_HIDDEN },
	{ 0, "net-alias", "ALIAS", "As --network-alias.", OPT_LIST, AT(aliases), .flags = OPT_HIDDEN },
	{ 0, "network", "NETWORK",
	  "A network: bridge, host, none, container:NAME, or one that was made; name=N,alias=A,ip=IP.", OPT_CALL, 0,
	  .parse = add_networks },
	{ 0, "network-alias", "ALIAS", "A further name in the network.", OPT_LIST, AT(aliases) },
	{ 0, "no-healthcheck", NULL, "No looks, whatever the image says.", OPT_BOOL, AT(no_healthcheck), 1 },
	{ 0, "oom-kill-disable", NULL, "Do not kill when memory runs out.", OPT_BOOL, AT(oom_kill_disable), 1 },
	{ 0, "oom-score-adj", "N", "-1000 to 1000: how soon it is killed when memory runs out.", OPT_INT,
	  AT(oom_score_adj) },
	{ 0, "pid", "MODE", "Process name space: host or container:NAME.", OPT_STR, AT(pid) },
	{ 0, "pids-limit", "N", "Processes at most; -1 for unlimited.", OPT_I64, AT(pids_limit) },
	{ 0, "platform", "OS/ARCH", "The image's platform.", OPT_STR, AT(platform) },
	{ 0, "privileged", NULL, "All capabilities and devices, nothing confined.", OPT_BOOL, AT(privileged), 1 },
	{ 'p', "publish", "[[IP:]PORT:]PORT[/PROTO]", "Publish a port of the container on the host.", OPT_LIST,
	  AT(publish) },
	{ 'P', "publish-all", NULL, "Publish all exposed ports, on ports of the host that are free.", OPT_BOOL,
	  AT(publish_all), 1 },
	{ 0, "pull", "WHEN", "Pull the image: always, missing or never.", OPT_STR, AT(pull), .complete = COMPLETE_WORDS,
	  .words = "always missing never" },
	{ 'q', "quiet", NULL, "Say nothing of a pull.", OPT_BOOL, AT(quiet), 1 },
	{ 0, "read-only", NULL, "The root file system is read-only.", OPT_BOOL, AT(read_only), 1 },
	{ 0, "restart", "POLICY", "no, always, unless-stopped, on-failure[:N].", OPT_STR, AT(restart),
	  .complete = COMPLETE_WORDS, .words = "no always unless-stopped on-failure" },
	{ 0, "rm", NULL, "Remove the container when it has ended.", OPT_BOOL, AT(rm), 1 },
	{ 0, "runtime", "RUNTIME", "Accepted: creel, runc.", OPT_STR, AT(runtime) },
	{ 0, "security-opt", "OPTION", "seccomp=, apparmor=, label=, no-new-privileges, systempaths=unconfined.",
	  OPT_LIST, AT(security) },
	{ 0, "shm-size", "BYTES", "Size of /dev/shm.", OPT_CALL, 0, .parse = set_shm_size },
	{ 0, "stop-signal", "SIGNAL", "What asks it to end.", OPT_STR, AT(stop_signal) },
	{ 0, "stop-timeout", "SECONDS", "How long it may take to end.", OPT_CALL, 0, .parse = set_stop_timeout },
	{ 0, "storage-opt", "NAME=VALUE", "An option of the storage: size=.", OPT_LIST, AT(storage) },
	{ 0, "sysctl", "KEY=VALUE", "A kernel setting of its name spaces.", OPT_CALL, 0, .parse = add_sysctls },
	{ 0, "system", NULL,
	  "Boot the image's init, with what systemd needs of its place; with -d, its console goes to the log.",
	  OPT_BOOL, AT(system), 1 },
	{ 0, "tmpfs", "PATH[:OPTIONS]", "A tmpfs.", OPT_LIST, AT(tmpfs) },
	{ 't', "tty", NULL, "Give it a terminal.", OPT_BOOL, AT(tty), 1 },
	{ 0, "ulimit", "NAME=SOFT[:HARD]", "A limit of setrlimit(2).", OPT_CALL, 0, .parse = add_ulimits },
	{ 'u', "user", "USER[:GROUP]", "Who the first process is.", OPT_STR, AT(user) },
	{ 0, "userns", "MODE", "User name space: host.", OPT_STR, AT(userns) },
	{ 0, "uts", "MODE", "Host name's name space: host.", OPT_STR, AT(uts) },
	{ 'v', "volume", "[SOURCE:]PATH[:OPTIONS]", "A folder of the host, or a volume.", OPT_LIST, AT(volumes),
	  .complete = COMPLETE_FILE },
	{ 0, "volume-driver", "DRIVER", "Driver of volumes that are made.", OPT_STR, AT(volume_driver) },
	{ 0, "volumes-from", "NAME[:ro]", "The volumes of another container.", OPT_LIST, AT(volumes_from),
	  .complete = COMPLETE_NAME },
	{ 'w', "workdir", "PATH", "Folder to run in.", OPT_STR, AT(workdir) },
	OPT_END
};

void create_args_done(struct create_args *a)
{
	struct strv *const lists[] = {
		&a->attach,    &a->env,		 &a->env_files,	   &a->labels,	    &a->label_files,	&a->expose,
		&a->publish,   &a->volumes,	 &a->add_host,	   &a->annotations, &a->cap_add,	&a->cap_drop,
		&a->devices,   &a->device_rules, &a->dns,	   &a->dns_options, &a->dns_search,	&a->group_add,
		&a->links,     &a->log_opts,	 &a->mounts,	   &a->security,    &a->storage,	&a->sysctls,
		&a->tmpfs,     &a->ulimits,	 &a->volumes_from, &a->gpus,	    &a->weight_devices, &a->read_bps,
		&a->write_bps, &a->read_iops,	 &a->write_iops,   &a->networks,    &a->aliases,	&a->link_local
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_done(lists[i]);
}
