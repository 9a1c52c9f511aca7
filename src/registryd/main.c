/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* creel-registry: what `creel registry` executes. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "api/registry/server.h"
#include "base/fd.h"
#include "base/file.h"
#include "cli/creel/registry.h"

#define END_TIMEOUT_MS 10000

extern const struct command cmd_registry;

static int serve(struct cli *c, const struct registry_server_opts *o, const struct registry_args *a)
{
	struct registry_server *s = NULL;
	char pid[24];
	struct err e = { 0 };
	sigset_t set;
	int sig;

	/* Before any thread is there: all of them inherit it. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (registry_server_open(o, &s, &e) < 0)
		return cli_fail(c, &e);
	printf("serving %s at %.*s:%u\n", o->root, (int)(strrchr(o->addr, ':') - o->addr), o->addr,
	       registry_server_port(s));
	fflush(stdout);
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (a->pidfile && file_replace(AT_FDCWD, a->pidfile, pid, strlen(pid), 0644, false, &e) < 0) {
		registry_server_close(s, 0);
		return cli_fail(c, &e);
	}
	do
		sig = sigwaitinfo(&set, NULL);
	while (sig == SIGHUP || (sig < 0 && errno == EINTR));
	registry_server_close(s, END_TIMEOUT_MS);
	if (a->pidfile)
		unlink(a->pidfile);
	return 0;
}

static int collect(struct cli *c, struct registry_server_opts *o)
{
	struct registry_server *s = NULL;
	struct registry_gc done;
	struct err e = { 0 };
	int r;

	o->addr = NULL;
	o->gc_interval_s = 0;
	if (!file_exists(AT_FDCWD, o->root))
		return cli_error(c, NULL, "there is no registry in %s", o->root);
	r = registry_server_open(o, &s, &e);
	if (r == 0)
		r = registry_server_gc(s, &done, &e);
	registry_server_close(s, 0);
	if (r < 0)
		return cli_fail(c, &e);
	printf("%u blobs of %llu bytes and %u manifests removed\n", done.blobs, (unsigned long long)done.bytes,
	       done.manifests);
	return 0;
}

static int run(struct cli *c)
{
	struct log log = { .fd = STDERR_FILENO, .level = LOG_INFO, .ident = "registry" }, access = log;
	struct registry_args a = REGISTRY_ARGS_INIT;
	struct registry_server_opts o;
	int code = cli_parse(c, &a);

	if (code >= 0)
		return code;
	if (c->operands.n != 1 || (!streq(c->operands.v[0], "serve") && !streq(c->operands.v[0], "gc")))
		return cli_usage_error(c, "serve or gc is expected");
	if (a.gc_interval < 0 || a.gc_interval > INT32_MAX || a.gc_grace < 0 || a.gc_grace > INT32_MAX)
		return cli_usage_error(c, "--gc-interval and --gc-grace are seconds");
	if (a.key && !a.cert)
		return cli_usage_error(c, "--tls-key needs --tls-cert");
	if (a.access_log && !streq(a.access_log, "-")) {
		access.fd = open(a.access_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
		if (access.fd < 0)
			return cli_error(c, NULL, "open %s: %m", a.access_log);
	}
	o = (struct registry_server_opts){
		.root = a.root ?: "/var/lib/creel/registry",
		.addr = a.addr ?: "127.0.0.1:5000",
		.tls_cert = a.cert,
		.tls_key = a.key,
		.htpasswd = a.htpasswd,
		.realm = a.realm,
		.token_realm = a.token_realm,
		.token_service = a.token_service,
		.token_issuer = a.token_issuer,
		.token_key = a.token_key,
		.read_only = a.read_only,
		.no_delete = a.no_delete,
		.proxy = a.proxy,
		.proxy_config = a.proxy_config,
		.gc_interval_s = (unsigned)a.gc_interval,
		.gc_grace_s = (unsigned)a.gc_grace,
		.gc_untagged = a.gc_untagged,
		.log = &log,
		.access = a.access_log ? &access : NULL,
	};
	return streq(c->operands.v[0], "serve") ? serve(c, &o, &a) : collect(c, &o);
}

int main(int argc, char **argv)
{
	struct command cmd = cmd_registry;
	struct cli c = { .cmd = &cmd, .prog = "creel registry", .argc = argc, .argv = argv, .log = { .fd = -EBADF } };
	int code;

	signal(SIGPIPE, SIG_IGN);
	cmd.run = run;
	code = run(&c);
	cli_done(&c);
	return code;
}
