/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A network's names come from its own server (net/dns.h), and a resolver takes the first server's no for an answer. So what a
 * container on several networks, or on one that it was connected to while it ran, cannot be told by the server that it asks
 * first stands in its /etc/hosts, between two marks: what else is in that file is the container's.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/dnet-inner.h"
#include "net/bridge.h"

#define HOSTS_MAX (1u << 20)

static const char begin_mark[] = "# Names of further networks:\n", end_mark[] = "# End of these names.\n";

struct asking {
	struct dnet *n;
	char server[INET6_ADDRSTRLEN]; /* that it asks first, "" */
	struct buf *lines;
};

static int further_names(void *arg, struct endpoint *p, struct err *e)
{
	struct asking *a = arg;
	_cleanup_network_ struct network w = { 0 };
	int r = p->active ? network_find(a->n, p->network, &w, e) : 0;

	if (r < 0 || !p->active || !network_has_names(&w) ||
	    (*a->server && (streq(w.gateway4 ?: "", a->server) || streq(w.gateway6 ?: "", a->server))))
		return r;
	return network_lines(a->n, &w, a->lines, e);
}

/* The first server of RESOLV, a resolv.conf; "" where there is none. */
static void first_server(const char *resolv, char ret[static INET6_ADDRSTRLEN])
{
	ret[0] = '\0';
	for (const char *line = resolv; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "nameserver%*[ \t]%45[0-9a-fA-F.:]", ret) == 1)
			return;
	}
}

int hosts_names(struct dnet *n, const char *container, const char *resolv, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf lines = BUF_INIT;
	struct asking a = { .n = n, .lines = &lines };
	int r;

	first_server(resolv, a.server);
	r = endpoint_each(n, NULL, container, further_names, &a, e);
	if (r == 0)
		r = buf_error(&lines, e);
	if (r == 0 && lines.len)
		buf_printf(out, "%s%s%s", begin_mark, buf_str(&lines), end_mark);
	return r;
}

/* TEXT without what stands between the marks. */
static void without_names(const char *text, struct buf *out)
{
	const char *begin = strstr(text, begin_mark), *end = begin ? strstr(begin, end_mark) : NULL;

	if (!end) {
		buf_puts(out, text);
		return;
	}
	buf_add(out, text, (size_t)(begin - text));
	buf_puts(out, end + strlen(end_mark));
}

static int write_all(int fd, const struct buf *text, const char *path, struct err *e)
{
	for (size_t done = 0; done < text->len;) {
		const ssize_t n = pwrite(fd, buf_str(text) + done, text->len - done, (off_t)done);

		if (n < 0)
			return err_set(e, -errno, "write %s", path);
		done += (size_t)n;
	}
	return ftruncate(fd, (off_t)text->len) < 0 ? err_set(e, -errno, "truncate %s", path) : 0;
}

/* What the container has bound. It may execute it, or hold a lease on it: then it is not waited for. */
static int open_bound(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static int read_bound(int fd, char **ret)
{
	_cleanup_free_ char *text = malloc(HOSTS_MAX + 1);
	ssize_t n = text ? fd_read_full(fd, text, HOSTS_MAX + 1) : -ENOMEM;

	if (n < 0 || n > (ssize_t)HOSTS_MAX)
		return n < 0 ? (int)n : -E2BIG;
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	return 0;
}

/*
 * In its place, for the file is bound into the container. The lock comes before the rows: who writes last has read last; and it
 * is not one on the file, which the container could hold. Nor may what a container made of its files harm others: it goes
 * without the names.
 */
int hosts_refresh(struct dnet *n, const char *container, struct err *e)
{
	_cleanup_free_ char *dir = path_join(n->containers ?: "", container),
			    *path = dir ? path_join(dir, "hosts") : NULL,
			    *conf = dir ? path_join(dir, "resolv.conf") : NULL, *old = NULL, *resolv = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_close_ int fd = -EBADF, conf_fd = -EBADF, lock = -EBADF;
	int r;

	if (!path || !conf)
		return err_oom(e);
	if (!n->containers)
		return 0;
	fd = open_bound(path, O_RDWR);
	conf_fd = open_bound(conf, O_RDONLY);
	if (fd < 0 || conf_fd < 0)
		return 0;
	lock = net_lock(n->run_dir, e);
	if (lock < 0)
		return lock;
	if (read_bound(fd, &old) < 0 || read_bound(conf_fd, &resolv) < 0)
		return 0;
	without_names(old, &text);
	r = hosts_names(n, container, resolv, &text, e);
	if (r == 0)
		r = buf_error(&text, e);
	if (r < 0 || streq(buf_str(&text), old))
		return r;
	return write_all(fd, &text, path, e);
}

static int refresh_one(void *arg, struct endpoint *p, struct err *e)
{
	return p->active ? hosts_refresh(arg, p->container, e) : 0;
}

int network_hosts(struct dnet *n, const struct network *w, struct err *e)
{
	return endpoint_each(n, w->id, NULL, refresh_one, n, e);
}
