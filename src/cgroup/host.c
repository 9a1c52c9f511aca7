/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the host mounts.
 *
 * The mounts stand in well-known places and are named by their controllers: one listing of /sys/fs/cgroup tells all on
 * nearly every host. Where it does not, /proc/self/cgroup has a line a hierarchy (but waits for the kernel's cgroup
 * lock), and for what is mounted elsewhere there is /proc/self/mountinfo (which costs with every mount there is).
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "cgroup/driver.h"

#define CG_ROOT	   "/sys/fs/cgroup"
#define PROC_LIMIT (1u << 20)

/* v1's and v2's word for one thing; NULL: that version has none. */
static const struct ctrl_name {
	const char *v1, *v2;
} ctrl_names[CC_MAX] = {
	[CC_CPU] = { "cpu", "cpu" },
	[CC_CPUACCT] = { "cpuacct", "cpuacct" },
	[CC_CPUSET] = { "cpuset", "cpuset" },
	[CC_MEMORY] = { "memory", "memory" },
	[CC_DEVICES] = { "devices", "devices" },
	[CC_FREEZER] = { "freezer", "freezer" },
	[CC_IO] = { "blkio", "io" },
	[CC_PIDS] = { "pids", "pids" },
	[CC_HUGETLB] = { "hugetlb", "hugetlb" },
	[CC_RDMA] = { "rdma", "rdma" },
	[CC_MISC] = { "misc", "misc" },
	[CC_NET_CLS] = { "net_cls", NULL },
	[CC_NET_PRIO] = { "net_prio", NULL },
	[CC_PERF] = { "perf_event", "perf_event" },
	[CC_NAMED] = { "name=systemd", NULL },
	[CC_CORE] = { "cgroup", "cgroup" },
};

static bool word_is(const char *name, const char *s, size_t len)
{
	return name && strlen(name) == len && memcmp(name, s, len) == 0;
}

int cg_ctrl_find(const char *name, size_t len)
{
	for (unsigned i = 0; i < CC_MAX; i++)
		if (word_is(ctrl_names[i].v1, name, len) || word_is(ctrl_names[i].v2, name, len))
			return (int)i;
	return len > 5 && startswith(name, "name=") ? CC_NAMED : -1;
}

const char *cg_ctrl_name(enum cg_ctrl ctrl, unsigned version)
{
	return version == 2 ? ctrl_names[ctrl].v2 : ctrl_names[ctrl].v1;
}

/* Names separated by any of SEPS, as bits; unknown ones are left out. */
uint32_t cg_ctrl_mask(const char *s, const char *seps)
{
	uint32_t mask = 0;

	while (*s) {
		size_t n = strcspn(s, seps);
		int c = cg_ctrl_find(s, n);

		if (c >= 0 && n > 0)
			mask |= 1u << c;
		s += n + (s[n] != '\0');
	}
	return mask;
}

static int fs_kind(int fd, long *ret)
{
	struct statfs sf;

	if (fstatfs(fd, &sf) < 0)
		return -errno;
	*ret = (long)sf.f_type;
	return 0;
}

static bool is_kind(int fd, long kind)
{
	long k;

	return fs_kind(fd, &k) == 0 && k == kind;
}

static int open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A hierarchy that is not there, or not for us, is passed over. One that cannot be opened for want of memory or fds is
 * not: a group that is made or removed in some hierarchies only would be left behind in the others. */
static bool is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -EACCES || r == -EPERM || r == -ELOOP;
}

/* Takes FD over. CTRLS are what it serves; one that an earlier hierarchy has is not claimed again. */
static int host_add(struct cg_host *h, const struct cg_ops *ops, int fd, uint32_t ctrls, const char *name)
{
	size_t len = strlen(name);
	struct cg_hier *n;

	if (h->n == CG_HIER_MAX || len >= sizeof(n->name)) {
		fd_close(fd);
		return -E2BIG;
	}
	n = &h->hier[h->n];
	*n = (struct cg_hier){ .ops = ops, .fd = fd, .ctrls = ctrls };
	memcpy(n->name, name, len + 1);
	if (ops->version == 2)
		h->v2 = (int)h->n;
	h->n++;
	return 0;
}

/* What v2 offers at its root: what a group's parents pass down is cg_create()'s business. */
static int read_v2_ctrls(const struct cg_hier *h, uint32_t *ret)
{
	char text[512];
	ssize_t n = file_read_small(h->fd, "cgroup.controllers", text, sizeof(text));

	*ret = n > 0 ? cg_ctrl_mask(text, " \n") : 0;
	return n < 0 && !is_absent((int)n) ? (int)n : 0;
}

static uint32_t v2_ctrls(const struct cg_hier *h)
{
	uint32_t ctrls;

	read_v2_ctrls(h, &ctrls);
	return ctrls;
}

static int host_add_v2(struct cg_host *h, int fd, const char *name)
{
	return host_add(h, &cgroupfs_v2, fd, CC_V2_CORE, name);
}

/* Beside v1, which has all the usual ones, v2's controllers are read when somebody misses one: not at each start. */
static uint32_t hier_ctrls(const struct cg_hier *h)
{
	return h->lazy ? h->ctrls | v2_ctrls(h) : h->ctrls;
}

void cg_host_complete(struct cg_host *h)
{
	if (h->v2 < 0 || h->complete)
		return;
	h->hier[h->v2].ctrls = hier_ctrls(&h->hier[h->v2]);
	h->complete = true;
}

static bool host_has_list(const struct cg_host *h, const char *list)
{
	for (unsigned i = 0; i < h->n; i++)
		if (h->hier[i].ops->version == 1 && streq(h->hier[i].name, list))
			return true;
	return false;
}

/* The v1 hierarchy of "cpu,cpuacct" or "name=systemd" below FD: by its whole list, else by one of its members. */
static int host_try_v1(struct cg_host *h, int fd, const char *list)
{
	_cleanup_close_ int dir = -EBADF;
	const char *name = startswith(list, "name=") ?: list;
	char one[64];

	dir = open_dir(fd, name);
	for (const char *s = name; dir < 0 && is_absent(dir) && *s;) {
		size_t n = strcspn(s, ",");

		if (n < sizeof(one)) {
			memcpy(one, s, n);
			one[n] = '\0';
			dir = open_dir(fd, one);
		}
		s += n + (s[n] == ',');
	}
	if (dir < 0 && !is_absent(dir))
		return dir;
	if (dir < 0 || !is_kind(dir, CGROUP_SUPER_MAGIC))
		return -ENOENT;
	return host_add(h, &cgroupfs_v1, TAKE_FD(dir), cg_ctrl_mask(list, ","), list);
}

/* Cuts the next line off *S; NULL at the end. */
char *cg_next_line(char **s)
{
	char *line = *s;
	size_t n;

	if (!*line)
		return NULL;
	n = strcspn(line, "\n");
	*s = line + n + (line[n] == '\n');
	line[n] = '\0';
	return line;
}

/* Returns 1 when something that the kernel has in use was not found in its usual place. */
static int probe_usual(struct cg_host *h, int fd, char *text)
{
	int r, missing = 0;
	char *line;

	while ((line = cg_next_line(&text))) {
		char *list = strchr(line, ':'), *end;

		if (!list || !(end = strchr(++list, ':')))
			continue;
		*end = '\0';
		if (*list) {
			r = host_try_v1(h, fd, list);
		} else {
			int dir = open_dir(fd, "unified");

			r = dir < 0 && !is_absent(dir) ? dir : -ENOENT;
			if (dir >= 0 && is_kind(dir, CGROUP2_SUPER_MAGIC))
				r = host_add_v2(h, dir, "unified");
			else
				fd_close(dir);
		}
		if (r == -ENOENT)
			missing = 1;
		else if (r < 0)
			return r;
	}
	return missing;
}

/* The controllers among a v1 mount's super options "rw,cpu,cpuacct,xattr,name=systemd", in the kernel's order. */
static void v1_options(const char *opts, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	while (*opts) {
		size_t n = strcspn(opts, ",");

		if (cg_ctrl_find(opts, n) >= 0 && len + n + 2 < size) {
			if (len)
				out[len++] = ',';
			memcpy(out + len, opts, n);
			len += n;
			out[len] = '\0';
		}
		opts += n + (opts[n] == ',');
	}
}

/* One mountinfo line: "id parent dev root MOUNTPOINT opts … - TYPE source SUPER". */
static int mountinfo_line(struct cg_host *h, char *line)
{
	char *fields[5], *save = NULL, *type, *super, list[128], *tail = strstr(line, " - ");
	int fd;

	if (!tail)
		return 0;
	*tail = '\0';
	type = strtok_r(tail + 3, " ", &save);
	if (!type || (!streq(type, "cgroup") && !streq(type, "cgroup2")) || !strtok_r(NULL, " ", &save))
		return 0;
	super = strtok_r(NULL, " ", &save);
	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
		if (!(fields[i] = strtok_r(i == 0 ? line : NULL, " ", &save)))
			return 0;
	unescape_octal(fields[4]);
	if (streq(type, "cgroup2")) {
		if (h->v2 >= 0)
			return 0;
		fd = open_dir(AT_FDCWD, fields[4]);
		if (fd < 0)
			return is_absent(fd) ? 0 : fd;
		return host_add_v2(h, fd, "unified");
	}
	v1_options(super ?: "", list, sizeof(list));
	if (!list[0] || host_has_list(h, list))
		return 0;
	fd = open_dir(AT_FDCWD, fields[4]);
	if (fd < 0)
		return is_absent(fd) ? 0 : fd;
	return host_add(h, &cgroupfs_v1, fd, cg_ctrl_mask(list, ","), list);
}

static int probe_mountinfo(struct cg_host *h, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int r;

	r = file_read(AT_FDCWD, "/proc/self/mountinfo", PROC_LIMIT * 16, &text, NULL, e);
	if (r < 0)
		return r;
	rest = text;
	while ((line = cg_next_line(&rest))) {
		r = mountinfo_line(h, line);
		if (r < 0)
			return err_set(e, r, "probe the control group mounts");
	}
	return 0;
}

/* One sub-folder that may be a hierarchy; FD is consumed. Returns 1 when it is one whose controllers its name hides. */
static int folder_entry(struct cg_host *h, int fd, const char *name, bool plain)
{
	long kind = 0;

	if (plain)
		kind = file_exists(fd, "cgroup.controllers") ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC;
	else if (fs_kind(fd, &kind) < 0)
		kind = 0;
	if (kind == CGROUP2_SUPER_MAGIC)
		return host_add_v2(h, fd, "unified");
	if (kind == CGROUP_SUPER_MAGIC && streq(name, "systemd"))
		return host_add(h, &cgroupfs_v1, fd, CC(NAMED), "name=systemd");
	if (kind == CGROUP_SUPER_MAGIC && cg_ctrl_mask(name, ","))
		return host_add(h, &cgroupfs_v1, fd, cg_ctrl_mask(name, ","), name);
	fd_close(fd);
	return kind == CGROUP_SUPER_MAGIC && !plain;
}

/* The sub-folders of ROOT (consumed) by their names. Real hierarchies only, but for a test's folder: links and PLAIN
 * trees as well. */
static int probe_folder(struct cg_host *h, int root, bool test, struct err *e)
{
	int r = 0, unclear = 0;
	DIR *dir = fdopendir(root);
	struct dirent *d;

	if (!dir) {
		r = err_set(e, -errno, "read the control group folder");
		fd_close(root);
		return r;
	}
	while (r >= 0 && (d = readdir(dir))) {
		int fd;

		/* "cpu" is a link to "cpu,cpuacct" where the two are one. */
		if (d->d_name[0] == '.' || (d->d_type != DT_DIR && !test))
			continue;
		fd = open_dir(root, d->d_name);
		if (fd < 0) {
			r = is_absent(fd) ? 0 : fd;
			continue;
		}
		r = folder_entry(h, fd, d->d_name,
				 test && !is_kind(fd, CGROUP_SUPER_MAGIC) && !is_kind(fd, CGROUP2_SUPER_MAGIC));
		unclear |= r == 1;
	}
	closedir(dir);
	return r < 0 ? err_set(e, r, "probe the control group folder") : unclear;
}

static void host_forget(struct cg_host *h)
{
	while (h->n > 0)
		fd_close(h->hier[--h->n].fd);
	h->v2 = -1;
}

static int probe(struct cg_host *h, const char *where, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int root = open(where ?: CG_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (root < 0 && errno == ENOENT && !where)
		return 0;
	if (root < 0)
		return err_set(e, -errno, "open %s", where ?: CG_ROOT);
	/* The unified layout: the folder is the mount. */
	if (is_kind(root, CGROUP2_SUPER_MAGIC) || (where && file_exists(root, "cgroup.controllers"))) {
		r = host_add_v2(h, TAKE_FD(root), "unified");
		return r < 0 ? err_set(e, r, "probe %s", where ?: CG_ROOT) : 0;
	}
	r = probe_folder(h, TAKE_FD(root), where != NULL, e);
	if (r < 0 || where || (r == 0 && h->n > 0))
		return r < 0 ? r : 0;
	host_forget(h);
	root = open_dir(AT_FDCWD, CG_ROOT);
	r = file_read(AT_FDCWD, "/proc/self/cgroup", PROC_LIMIT, &text, NULL, e);
	if (r == 0)
		r = probe_usual(h, root, text);
	if (r == 1)
		return probe_mountinfo(h, e);
	return r < 0 ? err_wrap(e, r, "probe the control groups") : 0;
}

int cg_host_open(const char *root, struct cg_host **ret, struct err *e)
{
	_cleanup_(cg_host_freep) struct cg_host *h = calloc(1, sizeof(*h));
	uint32_t v1 = 0, v2 = 0;
	int r;

	if (!h)
		return err_oom(e);
	h->v2 = -1;
	r = probe(h, root, e);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < h->n; i++)
		if (h->hier[i].ops->version == 1)
			v1 |= h->hier[i].ctrls;
	/* v1's freezer, devices and cpuacct go before what v2's core offers. */
	if (h->v2 >= 0) {
		h->hier[h->v2].ctrls &= ~v1;
		h->hier[h->v2].lazy = h->n > 1;
	}
	if (h->v2 >= 0 && h->n == 1) {
		r = read_v2_ctrls(&h->hier[h->v2], &v2);
		if (r < 0)
			return err_set(e, r, "read the controllers of cgroup v2");
		h->hier[h->v2].ctrls |= v2;
	}
	h->layout = h->n == 0 ? CG_NONE : h->v2 < 0 ? CG_V1 : h->n == 1 ? CG_V2 : CG_HYBRID;
	*ret = TAKE_PTR(h);
	return 0;
}

struct cg_host *cg_host_free(struct cg_host *h)
{
	if (!h)
		return NULL;
	for (unsigned i = 0; i < h->n; i++)
		fd_close(h->hier[i].fd);
	free(h);
	return NULL;
}

enum cg_layout cg_host_layout(const struct cg_host *h)
{
	return h->layout;
}

void cg_host_oci(struct cg_host *h, const struct cg_oci *o)
{
	h->oci = o;
}

int cg_host_describe(const struct cg_host *h, struct buf *out, struct err *e)
{
	const char *sep = "";

	for (unsigned c = 0; c < CC_MAX; c++)
		for (unsigned i = 0; i < h->n; i++) {
			const struct cg_hier *x = &h->hier[i];

			if (!(hier_ctrls(x) & 1u << c) || c == CC_CORE)
				continue;
			buf_printf(out, "%s%s:%u", sep, c == CC_NAMED ? x->name : cg_ctrl_name(c, x->ops->version),
				   x->ops->version);
			sep = " ";
		}
	return buf_error(out, e);
}

int cg_host_use(struct cg_host *h, const char *list, struct err *e)
{
	uint32_t mask = 0;
	unsigned n = 0;

	for (const char *p = list + strspn(list, ", \t"); *p; p += strspn(p, ", \t")) {
		size_t len = strcspn(p, ", \t");
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)len, p);
		if (streq(name, "@all"))
			return 0;
		if (!cg_host_has(h, name))
			return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "lxc.cgroup.use: this host has no controller '%s'",
					name);
		mask |= 1u << cg_ctrl_find(name, strlen(name));
		p += len;
	}
	if (!mask)
		return 0;
	for (unsigned i = 0; i < h->n; i++) {
		struct cg_hier *x = &h->hier[i];

		if (x->ops->version == 1 && !(x->ctrls & (mask | CC(NAMED) | CC(FREEZER) | CC(DEVICES)))) {
			fd_close(x->fd);
			continue;
		}
		if (h->v2 == (int)i)
			h->v2 = (int)n;
		h->hier[n++] = *x;
	}
	h->n = n;
	return 0;
}

bool cg_host_has(const struct cg_host *h, const char *controller)
{
	int c = cg_ctrl_find(controller, strlen(controller));

	for (unsigned i = 0; c >= 0 && i < h->n; i++)
		if (hier_ctrls(&h->hier[i]) & 1u << c)
			return true;
	return false;
}

int cg_host_own_path(const struct cg_host *h, char **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line, *best = NULL, *copy;
	int r, best_fd = -EBADF, rank = 0;

	r = file_read(AT_FDCWD, "/proc/self/cgroup", PROC_LIMIT, &text, NULL, e);
	if (r < 0)
		return r;
	rest = text;
	/* The path differs between hierarchies: v2's on a v2 host, else the service manager's, else the first. */
	while ((line = cg_next_line(&rest))) {
		char *list = strchr(line, ':'), *path;
		int n;

		if (!list || !(path = strchr(++list, ':')))
			continue;
		*path++ = '\0';
		n = !*list ? (h->layout == CG_V2 ? 4 : 1) : streq(list, "name=systemd") ? 3 : 2;
		if (n <= rank)
			continue;
		for (unsigned i = 0; i < h->n; i++)
			if (*list ? streq(h->hier[i].name, list) : (int)i == h->v2) {
				best = path + strspn(path, "/");
				best_fd = h->hier[i].fd;
				rank = n;
			}
	}
	/* Inside a container without a cgroup name space the text counts from the host's root, the mount does not. */
	if (best && *best && !file_exists(best_fd, best))
		best = NULL;
	copy = strdup(best ?: "");
	if (!copy)
		return err_oom(e);
	*ret = copy;
	return 0;
}
