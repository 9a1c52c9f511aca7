/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What `run` and `create` share: the options a container is made from, and the body of POST /containers/create that they
 * become. What a single argument can have wrong is found when the option is parsed, so that the message names it; what
 * contradicts another is found when the body is made.
 */

#include "base/buf.h"
#include "cli/opt.h"

struct json;

enum { TRI_UNSAID = 0, TRI_OFF = -1, TRI_ON = 1 };

struct create_args {
	/* of the command */
	const char *name, *cidfile, *platform, *pull;
	bool quiet;
	/* Config */
	const char *hostname, *domainname, *user, *workdir, *entrypoint, *stop_signal, *mac_address;
	struct strv attach, env, env_files, labels, label_files, expose, publish, volumes;
	bool tty, interactive, no_healthcheck, entrypoint_set, content_trust;
	const char *health_cmd;
	int health_retries;
	int64_t health_interval, health_timeout, health_start_period, health_start_interval;
	int stop_timeout, stop_timeout_set;
	/* HostConfig */
	const char *cgroup_parent, *cgroupns, *ipc, *pid, *uts, *userns, *log_driver, *restart, *runtime, *isolation,
		*volume_driver, *cpuset_cpus, *cpuset_mems;
	struct strv add_host, annotations, cap_add, cap_drop, devices, device_rules, dns, dns_options, dns_search,
		group_add, links, log_opts, mounts, security, storage, sysctls, tmpfs, ulimits, volumes_from, gpus;
	struct strv weight_devices, read_bps, write_bps, read_iops, write_iops;
	int64_t memory, memory_reservation, memory_swap, swappiness, shm_size, nano_cpus, pids_limit, kernel_memory;
	int64_t cpu_shares, cpu_period, cpu_quota, rt_period, rt_runtime;
	int blkio_weight, oom_score_adj;
	bool oom_kill_disable, privileged, publish_all, read_only, rm, system;
	int init; /* TRI_* */
	/* networks */
	struct strv networks, aliases, link_local;
	const char *ip, *ip6;
};
#define CREATE_ARGS_INIT ((struct create_args){ .swappiness = -1, .restart = "no", .pull = "missing" })

extern const struct opt create_opts[];
void create_args_done(struct create_args *a);

/* WORDS: the image and the command. */
int create_body(const struct create_args *a, char *const *words, struct buf *ret, struct err *e);
/* The streams that are attached, as -a says them or by default. */
bool create_attaches(const struct create_args *a, const char *stream);

/* --- parts, each in its own file ------------------------------------------------------------------------------------- */

/* A map of the API from K=V words; one without "=" is empty. Later ones win. */
void json_map(struct json *j, const char *key, const struct strv *words);
void json_list(struct json *j, const char *key, const struct strv *words); /* nothing where there are none */
/* The same, where S is not empty. */
void json_text(struct json *j, const char *key, const char *s);

/* Everything of HostConfig, with its braces. */
int create_host_config(const struct create_args *a, struct json *j, struct err *e);
int create_networking(const struct create_args *a, struct json *j, struct err *e);
/* HostConfig.NetworkMode. *RET: points into A, or to TO. */
int network_mode(const struct create_args *a, char *to, size_t size, struct err *e);

/* --mount: checks, or writes the object to J (NULL: checks). */
int mount_option(const char *arg, struct json *j, struct err *e);
/* A line of comma-separated values, with quotes as CSV has them, cut into words. */
int csv_split(const char *line, struct strv *ret, struct err *e);

/* -p and --expose into EXPOSED ("80/tcp", sorted) and BINDINGS ("80/tcp IP|PORT", in order). */
int port_options(const struct strv *publish, const struct strv *expose, struct strv *exposed, struct strv *bindings,
		 struct err *e);

/* Adds the lines of a file of variables or labels; a bare name takes the caller's value where INHERIT. */
int env_file(const char *path, bool inherit, struct strv *to, struct err *e);
/* A K or K=V: as the API wants it, from the caller's environment where there is no "=". */
int env_add(struct strv *to, const char *word, struct err *e);

/* --- checks of single arguments, for option tables; each appends to a struct strv at its row's offset --------------------- */

int flag_env(const char *arg, struct err *e);
int flag_label(const char *arg, struct err *e);
int flag_link(const char *arg, struct err *e);
int flag_ip(const char *arg, struct err *e);
int flag_ulimit(const char *arg, struct err *e);
int flag_sysctl(const char *arg, struct err *e);
int flag_add_host(const char *arg, struct err *e);
int flag_device_rule(const char *arg, struct err *e);
int flag_weight(const char *arg, struct err *e);
int flag_bps(const char *arg, struct err *e);
int flag_iops(const char *arg, struct err *e);
int flag_dns_search(const char *arg, struct err *e);
int flag_network(const char *arg, struct err *e);
int flag_gpus(const char *arg, struct err *e);
int flag_attach(const char *arg, struct err *e);
/* Bytes, as -m has them; "-1" where UNLIMITED. */
int size_option(const char *arg, bool unlimited, int64_t *ret, struct err *e);
int duration_option(const char *arg, int64_t *ret, struct err *e);
int cpus_option(const char *arg, int64_t *ret, struct err *e);
