/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* lxc-unshare and lxc-usernsexec: a command in name spaces of its own, without a container. */

#include "engine/unshare.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "base/names.h"
#include "base/parse.h"
#include "cli/lxc/lxc-cli.h"
#include "sys/passwd.h"

#define MAPS_MAX 64

struct args {
	unsigned flags;
	const char *user, *hostname;
	struct strv ifnames;
	bool daemon, remount;
};

#define AT(member) offsetof(struct args, member)

static const struct name ns_names[] = {
	{ "MOUNT", CLONE_NEWNS },  { "PID", CLONE_NEWPID },	{ "UTSNAME", CLONE_NEWUTS },   { "IPC", CLONE_NEWIPC },
	{ "USER", CLONE_NEWUSER }, { "NETWORK", CLONE_NEWNET }, { "CGROUP", CLONE_NEWCGROUP }, { NULL, 0 },
};

static int parse_namespaces(void *args, const char *arg, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r = strv_split(&words, arg, "|", e);

	for (size_t i = 0; i < words.n && r == 0; i++) {
		const struct name *n = name_find(ns_names, words.v[i]);

		if (!n)
			return err_kind(e, ERR_INVALID, -EINVAL,
					"invalid name space '%s': MOUNT, PID, UTSNAME, IPC, USER, NETWORK and CGROUP, "
					"joined by '|'",
					words.v[i]);
		((struct args *)args)->flags |= (unsigned)n->value;
	}
	return r;
}

static const struct opt opts[] = {
	{ 's', "namespaces", "FLAGS",
	  "The name spaces: MOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP, joined by '|'.", OPT_CALL,
	  .complete = COMPLETE_WORDS, .words = "MOUNT PID UTSNAME IPC USER NETWORK CGROUP", .parse = parse_namespaces },
	{ 'u', "user", "USER", "With USER: the id, or a name of the host's, that the caller has inside.", OPT_STR,
	  AT(user) },
	{ 'H', "hostname", "NAME", "With UTSNAME: the host name inside.", OPT_STR, AT(hostname) },
	{ 'i', "ifname", "IFNAME", "With NETWORK: an interface of the host to move in. May be repeated.", OPT_LIST,
	  AT(ifnames) },
	{ 'd', "daemon", NULL, "Do not wait for the command.", OPT_BOOL, AT(daemon), 1 },
	{ 'M', "remount", NULL, "With MOUNT: mount /proc, /dev/shm and /dev/mqueue anew.", OPT_BOOL, AT(remount), 1 },
	OPT_END
};

static int check(const struct cli *c, const struct args *a)
{
	if (c->operands.n == 0)
		return cli_usage_error(c, "A command to execute in the new namespace is required");
	if (!a->flags)
		return cli_usage_error(c, "A namespace to execute command is required");
	if (a->hostname && !(a->flags & CLONE_NEWUTS))
		return cli_usage_error(c, "-H <hostname> needs -s UTSNAME option");
	if (a->ifnames.n && !(a->flags & CLONE_NEWNET))
		return cli_usage_error(c, "-i <interfacename> needs -s NETWORK option");
	if (a->user && !(a->flags & CLONE_NEWUSER))
		return cli_usage_error(c, "-u <user> needs -s USER option");
	if (a->remount && !(a->flags & CLONE_NEWNS))
		return cli_usage_error(c, "-M needs -s MOUNT option");
	return -1;
}

/* By the host's own files. */
static int user_id(const char *user, uint32_t *ret, struct err *e)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), r;
	struct passwd_user found;

	if (root < 0)
		return err_set(e, -errno, "open /");
	r = passwd_find(root, user, &found, e);
	close(root);
	if (r == 0)
		*ret = found.uid;
	return r;
}

static int unshare_command(struct cli *c, const struct args *a)
{
	struct unshare_opts o = UNSHARE_OPTS_INIT;
	struct idmap map = { .type = 'u', .hostid = geteuid(), .range = 1 };
	struct err e = { 0 };
	int r = 0, status = 0;

	o.flags = a->flags;
	o.hostname = a->hostname;
	o.ifnames = &a->ifnames;
	o.remount = a->remount;
	o.daemon = a->daemon;
	o.argv = strv_get(&c->operands);
	if (a->user) {
		r = user_id(a->user, &map.nsid, &e);
		o.maps = &map;
		o.n_maps = 1;
		o.uid = map.nsid;
	}
	if (r == 0)
		r = engine_unshare(&o, &status, &e);
	/* Not the command's own code, as ever. */
	return r < 0 ? cli_fail(c, &e) : cli_exit_of(status) ? 1 : 0;
}

static int run_unshare(struct cli *c)
{
	struct args a = { 0 };
	int code = cli_parse(c, &a);

	if (code < 0)
		code = check(c, &a);
	if (code < 0)
		code = unshare_command(c, &a);
	strv_done(&a.ifnames);
	return code;
}

const struct command cmd_unshare = {
	.name = "lxc-unshare",
	.flags = CMD_LXC | CMD_COMMAND,
	.synopsis = "-s FLAGS [OPTION...] [--] COMMAND...",
	.summary = "run a command in name spaces of its own",
	.description =
		"Runs COMMAND in new name spaces, for trying things out: without a container, its root, its control "
		"groups or its limits.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-unshare -s UTSNAME -H try -- hostname", "Prints 'try'." },
						{ "lxc-unshare -s 'MOUNT|PID' -M -- ps ax", "Only sees itself." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "The command ended with 0; with -d: it runs." },
					     { "1", "It ended otherwise, or could not be started." },
					     { NULL, NULL } },
	.see_also = "lxc-usernsexec(1), lxc-execute(1), namespaces(7)",
	.run = run_unshare,
};

/* --- lxc-usernsexec ---------------------------------------------------------------------------------------------------- */

struct exec_args {
	struct idmap maps[MAPS_MAX];
	size_t n_maps;
	bool self;
	int64_t uid, gid;
};

/* "[u|g|b]:NSID:HOSTID:RANGE"; without a letter it is for both. */
static int parse_map(void *args, const char *arg, struct err *e)
{
	struct exec_args *a = args;
	_cleanup_strv_ struct strv w = STRV_INIT;
	struct idmap m = { .type = 'b' };
	size_t k = 0;
	int r = strv_split(&w, arg, ":", e);

	if (r < 0)
		return r;
	if (a->n_maps == MAPS_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d id maps", MAPS_MAX);
	if (w.n == 4 && strlen(w.v[0]) == 1 && strchr("ugb", *w.v[0]))
		m.type = *w.v[k++];
	if (w.n != k + 3 || parse_u32(w.v[k], &m.nsid) < 0 || parse_u32(w.v[k + 1], &m.hostid) < 0 ||
	    parse_u32(w.v[k + 2], &m.range) < 0 || m.range == 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid id map '%s': [u|g|b]:NSID:HOSTID:RANGE", arg);
	a->maps[a->n_maps++] = m;
	return 0;
}

static int parse_uid(void *args, const char *arg, struct err *e)
{
	return lxc_parse_id(&((struct exec_args *)args)->uid, "user id", arg, e);
}

static int parse_gid(void *args, const char *arg, struct err *e)
{
	return lxc_parse_id(&((struct exec_args *)args)->gid, "group id", arg, e);
}

static const struct opt exec_opts[] = {
	{ 'm', "map", "MAP",
	  "[u|g|b]:NSID:HOSTID:RANGE: user ids, group ids or both (the default) from NSID on are those of the host "
	  "from "
	  "HOSTID on. May be repeated. Without any: the first ranges of /etc/subuid and /etc/subgid from 0 on.",
	  OPT_CALL, .parse = parse_map },
	{ 's', "map-self", NULL, "The caller's own ids as well, above all others.", OPT_BOOL,
	  offsetof(struct exec_args, self), 1 },
	{ 'u', "uid", "UID", "User id of the command, inside; 0 by default.", OPT_CALL, .parse = parse_uid },
	{ 'g', "gid", "GID", "Group id of the command, inside; 0 by default.", OPT_CALL, .parse = parse_gid },
	OPT_END
};

/* The lowest id of TYPE above all that are mapped. */
static uint32_t free_id(const struct exec_args *a, char type)
{
	uint32_t next = 0;

	for (size_t i = 0; i < a->n_maps; i++)
		if ((a->maps[i].type == type || a->maps[i].type == 'b') && a->maps[i].nsid + a->maps[i].range > next)
			next = a->maps[i].nsid + a->maps[i].range;
	return next;
}

static int complete_maps(struct exec_args *a, struct err *e)
{
	struct idmap u = { .type = 'u', .hostid = getuid(), .range = 1 },
		     g = { .type = 'g', .hostid = getgid(), .range = 1 };

	if (a->n_maps == 0) {
		int r = engine_subids(NULL, getuid(), a->maps, e);

		if (r < 0)
			return err_wrap(e, r, "no id map (-m) was given");
		a->n_maps = 2;
	}
	if (!a->self)
		return 0;
	if (a->n_maps + 2 > MAPS_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d id maps", MAPS_MAX);
	u.nsid = free_id(a, 'u');
	g.nsid = free_id(a, 'g');
	a->maps[a->n_maps++] = u;
	a->maps[a->n_maps++] = g;
	return 0;
}

static int run_usernsexec(struct cli *c)
{
	static char *const shell[] = { (char *)"/bin/sh", NULL };
	struct exec_args a = { 0 };
	struct unshare_opts o = UNSHARE_OPTS_INIT;
	struct err e = { 0 };
	int code = cli_parse(c, &a), status = 0, r;

	if (code >= 0)
		return code;
	r = complete_maps(&a, &e);
	o.flags = CLONE_NEWUSER | CLONE_NEWNS;
	o.maps = a.maps;
	o.n_maps = a.n_maps;
	o.uid = a.uid;
	o.gid = a.gid;
	o.drop_groups = true;
	o.argv = c->operands.n ? strv_get(&c->operands) : shell;
	if (r == 0)
		r = engine_unshare(&o, &status, &e);
	return r < 0 ? cli_fail(c, &e) : cli_exit_of(status);
}

const struct command cmd_usernsexec = {
	.name = "lxc-usernsexec",
	.flags = CMD_LXC | CMD_COMMAND | CMD_NO_ENGINE,
	.synopsis = "[-m MAP]... [-s] [--] [COMMAND...]",
	.summary = "run a command as root of a user name space",
	.description = "Runs COMMAND, or /bin/sh, as root of a new user name space with the ids that the maps give it: "
		       "what an "
		       "ordinary user works on his containers' files with. The maps of an ordinary user are written by "
		       "newuidmap(1) and newgidmap(1), which allow what /etc/subuid and /etc/subgid give him.",
	.opts = exec_opts,
	.examples =
		(const struct text_pair[]){
			{ "lxc-usernsexec -- rm -rf ~/.local/share/lxc/old/rootfs", "Files of a container's users." },
			{ "lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- id", "The same by given maps." },
			{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "N", "What COMMAND ended with; 128 + N when signal N killed it." },
					     { "1", "It could not be started." },
					     { NULL, NULL } },
	.see_also = "lxc-unshare(1), newuidmap(1), subuid(5), user_namespaces(7)",
	.run = run_usernsexec,
};
