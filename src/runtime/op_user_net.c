/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An ordinary user's way out: a program that has sockets of the user's on the host, and a tap device in the container.
 * pasta (of passt) gives it the host's addresses and forwards published ports; slirp4netns, where only that is there,
 * has addresses of its own and forwards none.
 */

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "runtime/compile.h"
#include "runtime/journal.h"
#include "runtime/run.h"
#include "sys/ns.h"
#include "sys/syscalls.h"

#define PID_FILE      "usernet.pid"
#define READY_TIME_MS 10000

/* --- compiling --------------------------------------------------------------------------------------------------------- */

/* Of "PROTO HOST-ADDRESS HOST-PORT ADDRESS PORT" what pasta takes: "-t" "ADDRESS/PORT:PORT". */
static int pasta_port(struct compiler *c, const char *text, struct strv *args)
{
	char proto[8], host[64], inside[64];
	unsigned host_port, port;
	bool any;
	int r;

	if (sscanf(text, "%7s %63s %u %63s %u", proto, host, &host_port, inside, &port) != 5 ||
	    (!streq(proto, "tcp") && !streq(proto, "udp")))
		return err_kind(c->e, ERR_INVALID, -EOPNOTSUPP,
				"port %s: an ordinary user's containers can publish ports of tcp and udp", text);
	any = streq(host, "0.0.0.0") || streq(host, "::");
	r = strv_push(args, streq(proto, "tcp") ? "-t" : "-u", c->e);
	return r < 0 ? r : strv_pushf(args, c->e, "%s%s%u:%u", any ? "" : host, any ? "" : "/", host_port, port);
}

static int pasta_args(struct compiler *c, const struct spec_net *s, struct strv *args)
{
	static const char *const always[] = { "pasta", "--config-net", "--no-map-gw", "-T", "none", "-U", "none" };
	bool tcp = false, udp = false;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(always) && r == 0; i++)
		r = strv_push(args, always[i], c->e);
	for (size_t i = 0; i < s->publish.n && r == 0; i++) {
		tcp |= startswith(s->publish.v[i], "tcp") != NULL;
		udp |= startswith(s->publish.v[i], "udp") != NULL;
		r = pasta_port(c, s->publish.v[i], args);
	}
	if (r == 0 && !tcp)
		r = strv_push(args, "-t", c->e) < 0 ? -ENOMEM : strv_push(args, "none", c->e);
	if (r == 0 && !udp)
		r = strv_push(args, "-u", c->e) < 0 ? -ENOMEM : strv_push(args, "none", c->e);
	return r;
}

static int slirp_args(struct compiler *c, const struct spec_net *s, struct strv *args)
{
	static const char *const always[] = { "slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback" };
	int r = 0;

	if (s->publish.n)
		return err_hint(c->e,
				err_kind(c->e, ERR_MISSING, -ENOENT,
					 "publishing ports of an ordinary user's container needs pasta, which is not "
					 "installed"),
				"install the package passt");
	for (size_t i = 0; i < ARRAY_SIZE(always) && r == 0; i++)
		r = strv_push(args, always[i], c->e);
	return r;
}

int compile_user_net(struct compiler *c, const struct spec_net *s)
{
	_cleanup_free_ char *pasta = spawn_find("pasta"), *slirp = pasta ? NULL : spawn_find("slirp4netns");
	_cleanup_strv_ struct strv args = STRV_INIT;
	char *path, *pid_file;
	struct op *op;
	int r;

	if (!pasta && !slirp)
		return err_hint(c->e,
				err_kind(c->e, ERR_MISSING, -ENOENT,
					 "the network of an ordinary user's container needs pasta or slirp4netns, and "
					 "neither is installed"),
				"install the package passt, or use --network none or host");
	r = pasta ? pasta_args(c, s, &args) : slirp_args(c, s, &args);
	if (r < 0)
		return r;
	path = plan_strdup(c->plan, pasta ?: slirp, c->e);
	pid_file = plan_printf(c->plan, c->e, "%s/%s/" PID_FILE, c->opts->run_dir, c->opts->id);
	op = path && pid_file ? plan_add(c->plan, OP_PARENT, &op_user_net, c->e) : NULL;
	if (!op)
		return -ENOMEM;
	op->undo_kind = "usernet";
	op->undo_arg = pid_file;
	op->user_net.path = path;
	op->user_net.pid_file = pid_file;
	op->user_net.argv = plan_alloc(c->plan, (args.n + 1) * sizeof(char *), c->e);
	if (!op->user_net.argv)
		return -ENOMEM;
	for (size_t i = 0; i < args.n; i++) {
		op->user_net.argv[i] = plan_strdup(c->plan, args.v[i], c->e);
		if (!op->user_net.argv[i])
			return -ENOMEM;
	}
	return 0;
}

/* --- starting it ------------------------------------------------------------------------------------------------------- */

static void user_net_describe(const struct op *op, struct buf *out)
{
	for (size_t i = 0; op->user_net.argv[i]; i++)
		buf_printf(out, "%s%s", i ? " " : "", op->user_net.argv[i]);
}

static int failed(const char *program, const char *out, struct err *e)
{
	const char *last = out ?: "", *line = last;

	/* What it says before is how it goes on. */
	while ((line = strchr(line, '\n')) && line[1])
		last = ++line;
	return err_kind(e, ERR_STATE, -EIO, "%s: %.*s", program, (int)strcspn(last, "\n"), last);
}

/* Goes on by itself as soon as everything is there, and says by which number. */
static int start_pasta(const struct op *op, struct strv *args, struct run *run, struct err *e)
{
	int dir = (int)(strrchr(op->user_net.pid_file, '/') - op->user_net.pid_file);
	_cleanup_free_ char *out = NULL;
	_cleanup_close_ int ns = ns_open_pid(run->pid, &ns_table[NS_NET], e);
	/* By a file of its own: the container's first process is nobody's to look into. */
	int r = ns < 0 ? ns : netns_pin(run->dirfd, ns, e);

	if (r == 0)
		r = strv_push(args, "-P", e);
	if (r == 0)
		r = strv_push(args, op->user_net.pid_file, e);
	if (r == 0)
		r = strv_push(args, "--netns", e);
	if (r == 0)
		r = strv_pushf(args, e, "%.*s/netns", dir, op->user_net.pid_file);
	if (r == 0)
		r = spawn_run(&(struct spawn){ .path = op->user_net.path, .argv = strv_get(args), .detach = true },
			      &out, e);
	return r > 0 ? failed("pasta", out, e) : r;
}

/* Stays our child until we leave; says by a pipe that it is ready. */
static int start_slirp(const struct op *op, struct strv *args, struct run *run, struct err *e)
{
	_cleanup_close_ int ready = -EBADF, theirs = -EBADF;
	int pipe_fds[2], r;
	struct pollfd p;
	char text[16];
	pid_t pid = 0;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return err_set(e, -errno, "make a pipe");
	ready = pipe_fds[0];
	theirs = pipe_fds[1];
	r = strv_pushf(args, e, "--ready-fd=%d", theirs);
	if (r == 0)
		r = strv_pushf(args, e, "%d", (int)run->pid);
	if (r == 0)
		r = strv_push(args, "tap0", e);
	if (r == 0)
		r = spawn_start(&(struct spawn){ .path = op->user_net.path,
						 .argv = strv_get(args),
						 .detach = true,
						 .keep_fds = &theirs,
						 .n_keep_fds = 1 },
				&pid, e);
	theirs = fd_close(theirs);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%d\n", (int)pid);
	r = file_replace(AT_FDCWD, op->user_net.pid_file, text, strlen(text), 0600, false, e);
	if (r < 0)
		return r;
	p = (struct pollfd){ .fd = ready, .events = POLLIN };
	return poll(&p, 1, READY_TIME_MS) == 1 && p.revents & POLLIN
		       ? 0
		       : err_kind(e, ERR_STATE, -EIO, "slirp4netns did not come up");
}

static int user_net_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_strv_ struct strv args = STRV_INIT;
	int r = 0;

	for (size_t i = 0; op->user_net.argv[i] && r == 0; i++)
		r = strv_push(&args, op->user_net.argv[i], e);
	if (r < 0)
		return r;
	return streq(args.v[0], "pasta") ? start_pasta(op, &args, run, e) : start_slirp(op, &args, run, e);
}

const struct op_kind op_user_net = { "net.user", user_net_describe, user_net_apply };

/* --- and ending it ------------------------------------------------------------------------------------------------------ */

/* Its number may be another's by now: only one of these two is ended. */
static bool is_ours(pid_t pid)
{
	char path[32], name[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	return file_read_small(AT_FDCWD, path, name, sizeof(name)) > 0 &&
	       (startswith(name, "pasta") || startswith(name, "passt") || startswith(name, "slirp4netns"));
}

int user_net_stop(const char *pid_file)
{
	_cleanup_close_ int fd = -EBADF;
	char text[32], path[PATH_MAX];
	int32_t pid;
	ssize_t n = file_read_small(AT_FDCWD, pid_file, text, sizeof(text));

	if (*pid_file != '/')
		return -EINVAL;
	text[n > 0 ? strcspn(text, "\n") : 0] = '\0';
	if (parse_i32(text, &pid) == 0 && pid > 1) {
		fd = sys_pidfd_open(pid, 0);
		if (fd >= 0 && is_ours(pid) && sys_pidfd_send_signal(fd, SIGTERM) == 0) {
			struct pollfd p = { .fd = fd, .events = POLLIN };

			if (poll(&p, 1, 2000) == 0)
				(void)sys_pidfd_send_signal(fd, SIGKILL);
		}
	}
	(void)unlink(pid_file);
	snprintf(path, sizeof(path), "%.*s", (int)(strrchr(pid_file, '/') - pid_file), pid_file);
	fd_close(fd);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		netns_unpin(fd);
	return 0;
}
