/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a running container shows: its processes, addresses, control group. */

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/fd.h"
#include "engine/kept.h"
#include "liblxc/liblxc.h"
#include "net/net.h"
#include "runtime/inside.h"
#include "sys/inroot.h"
#include "sys/ns.h"
#include "sys/proc.h"

/* Its record, provided that it runs. */
static int running(struct lxc_container *c, struct record *rec, int *ret_dirfd, struct err *e)
{
	int r = view_record(c, rec, ret_dirfd, e);

	if (r == -ENOENT) {
		err_clear(e);
		r = 0;
	}
	if (r == 0 && (rec->state == RUN_STOPPED || !record_alive(rec)))
		r = err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	return r;
}

static pid_t init_pid(struct lxc_container *c)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };

	return c && running(c, &rec, NULL, NULL) == 0 ? rec.pid : -1;
}

static int init_pidfd(struct lxc_container *c)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	struct err e = { 0 };
	int r;

	if (!c)
		return -EBADF;
	r = running(c, &rec, NULL, &e);
	if (r == 0) {
		r = proc_open(rec.pid, rec.pid_start);
		if (r < 0)
			err_set(&e, r, "open init");
	}
	if (r < 0)
		api_fail(c, &e);
	return r;
}

static int devpts_fd(struct lxc_container *c)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int root = -EBADF, fd = -EBADF;
	struct err e = { 0 };
	struct statfs fs;
	int r;

	if (!c)
		return -EBADF;
	r = running(c, &rec, NULL, &e);
	if (r == 0)
		r = root = inside_root(&rec, &e);
	if (r >= 0) {
		fd = inroot_open_nolinks(root, "/dev/pts", O_DIRECTORY);
		r = fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC
			    ? err_kind(&e, ERR_NOT_FOUND, -ENODEV, "the container has no devpts of its own")
			    : 0;
	}
	if (r < 0) {
		api_fail(c, &e);
		return r;
	}
	return TAKE_FD(fd);
}

/* --- addresses ------------------------------------------------------------------------------------------------------------ */

static int interfaces(struct lxc_container *c, struct net_if_info **ret, size_t *ret_n, struct err *e)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int ns = -EBADF;
	int r = running(c, &rec, NULL, e);

	if (r < 0)
		return r;
	ns = ns_open_pid(rec.pid, &ns_table[NS_NET], e);
	return ns < 0 ? ns : net_list(ns, ret, ret_n, e);
}

/* Sorted, without doubles, as an array of the caller's. */
static char **hand_over(struct strv *l)
{
	char **v = NULL;

	strv_sort(l);
	for (size_t i = 1; i < l->n;)
		if (streq(l->v[i - 1], l->v[i]))
			strv_remove(l, i);
		else
			i++;
	if (l->n) {
		v = l->v;
		*l = STRV_INIT;
	}
	return v;
}

static char **get_interfaces(struct lxc_container *c)
{
	_cleanup_free_ struct net_if_info *ifs = NULL;
	_cleanup_strv_ struct strv names = STRV_INIT;
	struct err e = { 0 };
	size_t n = 0;
	int r;

	if (!c)
		return NULL;
	r = interfaces(c, &ifs, &n, &e);
	for (size_t i = 0; i < n && r == 0; i++)
		r = strv_push(&names, ifs[i].name, &e);
	if (r < 0) {
		api_fail(c, &e);
		return NULL;
	}
	return hand_over(&names);
}

static bool link_local(const struct net_addr *a)
{
	return a->family == AF_INET6 && a->addr[0] == 0xfe && (a->addr[1] & 0xc0) == 0x80;
}

/* As getifaddrs() has it: only an address of one link has a scope, and it is the link's index. */
static bool wanted(const struct net_if_info *i, const struct net_addr *a, const char *family, int scope)
{
	int scope_id = link_local(a) ? i->ifindex : 0;

	if (family && !streq(family, a->family == AF_INET ? "inet" : "inet6"))
		return false;
	return a->family == AF_INET || scope == scope_id;
}

static char **get_ips(struct lxc_container *c, const char *interface, const char *family, int scope)
{
	_cleanup_free_ struct net_if_info *ifs = NULL;
	_cleanup_strv_ struct strv ips = STRV_INIT;
	struct err e = { 0 };
	size_t n = 0;
	int r;

	if (!c)
		return NULL;
	r = interfaces(c, &ifs, &n, &e);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (interface ? !streq(interface, ifs[i].name) : streq(ifs[i].name, "lo"))
			continue;
		for (unsigned k = 0; k < ifs[i].n_addrs && r == 0; k++) {
			char text[INET6_ADDRSTRLEN];

			if (wanted(&ifs[i], &ifs[i].addrs[k], family, scope) &&
			    inet_ntop(ifs[i].addrs[k].family, ifs[i].addrs[k].addr, text, sizeof(text)))
				r = strv_push(&ips, text, &e);
		}
	}
	if (r < 0) {
		api_fail(c, &e);
		return NULL;
	}
	return hand_over(&ips);
}

/* --- its control group ---------------------------------------------------------------------------------------------------- */

static int get_cgroup_item(struct lxc_container *c, const char *key, char *retv, int inlen)
{
	_cleanup_view_ struct view v = { 0 };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err e = { 0 };
	int r;

	if (!c || !key)
		return -1;
	r = view_open(c, VIEW_RECORD, &v, &e);
	if (r == 0)
		r = container_cgroup_get(v.c, key, &text, &e);
	if (r < 0) {
		api_fail(c, &e);
		return -1;
	}
	/* As the file has it. */
	buf_putc(&text, '\n');
	return api_copy_out(buf_str(&text), retv, inlen);
}

static bool set_cgroup_item(struct lxc_container *c, const char *key, const char *value)
{
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	int r;

	if (!c || !key || !value)
		return false;
	r = view_open(c, VIEW_RECORD, &v, &e);
	if (r == 0)
		r = container_cgroup_set(v.c, key, value, &e);
	return r == 0 || api_fail(c, &e);
}

/* --- and what else there is to ask ------------------------------------------------------------------------------------- */

static bool may_control(struct lxc_container *c)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int dirfd = -EBADF;
	int r;

	if (!c)
		return false;
	r = running(c, &rec, &dirfd, NULL);
	/* Nothing there that could refuse. */
	if (r == -ESRCH)
		return true;
	return r == 0 && faccessat(dirfd, "sock", R_OK | W_OK, AT_EACCESS) == 0;
}

static bool set_timeout(struct lxc_container *c, int timeout)
{
	if (!c || (timeout <= 0 && timeout != -1))
		return false;
	/* Nobody is asked who could keep us waiting. */
	c->rcv_timeout = timeout == -1 ? 0 : timeout;
	return true;
}

/* LXC's own fails so where there is no monitor to ask. */
static int seccomp_notify_fd_active(struct lxc_container *c)
{
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	int fd = -EBADF, r;

	if (!c)
		return -EINVAL;
	r = view_open(c, VIEW_RECORD, &v, &e);
	if (r == 0)
		r = container_seccomp_listener(v.c, &fd, &e);
	if (r == 0)
		return fd;
	api_fail(c, &e);
	return r == -ESRCH || r == -ENOENT ? -ECONNREFUSED : r;
}

/* That of a start in the foreground, for the process that made it. */
static int seccomp_notify_fd(struct lxc_container *c)
{
	return c && !c->daemonize && c->is_running(c) ? seccomp_notify_fd_active(c) : -EBADF;
}

void methods_info(struct lxc_container *c)
{
	c->init_pid = init_pid;
	c->init_pidfd = init_pidfd;
	c->devpts_fd = devpts_fd;
	c->get_interfaces = get_interfaces;
	c->get_ips = get_ips;
	c->get_cgroup_item = get_cgroup_item;
	c->set_cgroup_item = set_cgroup_item;
	c->may_control = may_control;
	c->set_timeout = set_timeout;
	c->seccomp_notify_fd = seccomp_notify_fd;
	c->seccomp_notify_fd_active = seccomp_notify_fd_active;
}
