/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* user LXCPATH NAME: what an ordinary user's program does with a container of his, which is there and stopped. TAP. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lxc/lxccontainer.h>

static int n_tests, n_failed;
static struct lxc_container *c;

static void check_at(int line, const char *text, bool ok)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++n_tests, text);
	if (!ok) {
		printf("# line %d: %s\n", line, c && c->error_string ? c->error_string : "no error is said");
		n_failed++;
	}
	fflush(stdout);
}
#define CHECK(x) check_at(__LINE__, #x, x)

static bool is(const char *got, const char *want)
{
	return got && strcmp(got, want) == 0;
}

static int inside(void *arg)
{
	return getuid() == 0 && access("/sbin/init", X_OK) == 0 ? *(int *)arg : 1;
}

static bool listed(const char *lxcpath, const char *name)
{
	char **names = NULL;
	int n = list_active_containers(lxcpath, &names, NULL);
	bool found = false;

	for (int i = 0; i < n; i++) {
		found |= is(names[i], name);
		free(names[i]);
	}
	free(names);
	return found;
}

int main(int argc, char **argv)
{
	lxc_attach_options_t o = LXC_ATTACH_OPTIONS_DEFAULT;
	struct lxc_container *d;
	int want = 42, status = -1;
	char buf[256];
	pid_t pid = -1;

	if (argc != 3)
		return 2;
	c = lxc_container_new(argv[2], argv[1]);
	CHECK(c && c->is_defined(c) && c->may_control(c));
	if (!c)
		return 1;
	CHECK(c->get_config_item(c, "lxc.idmap", buf, sizeof(buf)) > 0 && strncmp(buf, "u 0 ", 4) == 0);
	CHECK(c->want_daemonize(c, true) && c->start(c, 0, NULL) && c->wait(c, "RUNNING", 10) &&
	      listed(argv[1], argv[2]));
	CHECK(c->init_pid(c) > 1 && is(c->state(c), "RUNNING"));
	CHECK(c->attach(c, inside, &want, &o, &pid) == 0 && waitpid(pid, &status, 0) == pid &&
	      WEXITSTATUS(status) == 42);
	CHECK(c->attach_run_waitl(c, NULL, "true", "true", NULL) == 0);
	CHECK(c->stop(c) && c->wait(c, "STOPPED", 10));
	CHECK(c->snapshot(c, NULL) == 0 && c->snapshot_restore(c, "snap0", "again") && c->snapshot_destroy(c, "snap0"));
	d = lxc_container_new("again", argv[1]);
	CHECK(d && d->is_defined(d) && d->startl(d, 0, NULL) && d->stop(d) && d->destroy(d));
	lxc_container_put(d);
	/* What is another's: refused, and said. */
	d = lxc_container_new("theirs", "/proc/1/nowhere");
	CHECK(d && !d->is_defined(d) && !d->start(d, 0, NULL) && d->error_num != 0);
	lxc_container_put(d);
	CHECK(lxc_container_put(c) == 1);
	c = NULL;
	printf("1..%d\n", n_tests);
	return n_failed != 0;
}
