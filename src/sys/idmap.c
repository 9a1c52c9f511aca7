/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "sys/errand.h"

#define MAP_LINES_MAX 340 /* UID_GID_MAP_MAX_EXTENTS */

/* What differs between the two maps of a name space. */
struct side {
	char type;
	const char *file, *helper, *package;
	uint32_t own; /* the writer's own effective id */
};

static bool is_of(const struct idmap *m, char type)
{
	return m->type == type || m->type == 'b';
}

static int check_map(const struct idmap *m, struct err *e)
{
	if (!strchr("ugb", m->type) || !m->type)
		return err_kind(e, ERR_INVALID, -EINVAL, "id map: type '%c' is none of u, g, b", m->type);
	if (m->range == 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "id map %c %u %u %u: an empty range", m->type, m->nsid,
				m->hostid, m->range);
	/* UINT32_MAX is the invalid id (-1) and can be neither mapped nor mapped to. */
	if (m->nsid > UINT32_MAX - m->range || m->hostid > UINT32_MAX - m->range)
		return err_kind(e, ERR_INVALID, -ERANGE, "id map %c %u %u %u: ends above 4294967294", m->type, m->nsid,
				m->hostid, m->range);
	return 0;
}

static bool meet(uint32_t a, uint32_t na, uint32_t b, uint32_t nb)
{
	return a < b ? b - a < na : a - b < nb;
}

static int check_pair(const struct idmap *a, const struct idmap *b, struct err *e)
{
	bool inside = meet(a->nsid, a->range, b->nsid, b->range);

	if (!inside && !meet(a->hostid, a->range, b->hostid, b->range))
		return 0;
	return err_kind(e, ERR_INVALID, -EINVAL, "id maps %c %u %u %u and %c %u %u %u overlap %s", a->type, a->nsid,
			a->hostid, a->range, b->type, b->nsid, b->hostid, b->range,
			inside ? "in the container" : "on the host");
}

/* Lines of one side as the kernel and the helpers want them; *RET_COUNT how many. */
static int render(const struct idmap *maps, size_t n, char type, struct buf *out, size_t *ret_count, struct err *e)
{
	size_t count = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		if (!is_of(&maps[i], type))
			continue;
		for (size_t j = 0; j < i; j++) {
			r = is_of(&maps[j], type) ? check_pair(&maps[j], &maps[i], e) : 0;
			if (r < 0)
				return r;
		}
		if (++count > MAP_LINES_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG,
					"more than %u id maps of type %c: the kernel takes no more", MAP_LINES_MAX,
					type);
		buf_printf(out, "%u %u %u\n", maps[i].nsid, maps[i].hostid, maps[i].range);
	}
	r = buf_error(out, e);
	if (r < 0)
		return r;
	/* The kernel takes one write below a page. */
	if (out->len >= (size_t)sysconf(_SC_PAGESIZE))
		return err_kind(e, ERR_LIMIT, -E2BIG, "the id maps of type %c are %zu bytes: the kernel takes one page",
				type, out->len);
	*ret_count = count;
	return 0;
}

static int run_helper(pid_t pid, const struct side *side, const char *lines, struct err *e)
{
	_cleanup_strv_ struct strv args = STRV_INIT;
	_cleanup_free_ char *output = NULL, *path = spawn_find(side->helper);
	int r;

	if (!path) {
		err_kind(e, ERR_MISSING, -ENOENT, "mapping ids needs %s, which is not installed", side->helper);
		return err_hint(e, -ENOENT, "install the package %s, or run as root", side->package);
	}
	r = strv_push(&args, side->helper, e);
	if (r == 0)
		r = strv_pushf(&args, e, "%d", (int)pid);
	if (r == 0)
		r = strv_split(&args, lines, " \n", e);
	if (r < 0)
		return r;
	r = spawn_run(&(struct spawn){ .path = path, .argv = strv_get(&args) }, &output, e);
	if (r < 0)
		return r;
	if (r > 0) {
		err_kind(e, ERR_DENIED, -EPERM, "%s %d: %.*s", side->helper, (int)pid, (int)strcspn(output ?: "", "\n"),
			 output ?: "");
		return err_hint(e, -EPERM, "the host ids must be given to this user in /etc/sub%cid", side->type);
	}
	return 0;
}

static int write_side(pid_t pid, const struct side *side, const struct idmap *maps, size_t n, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct idmap *first = NULL;
	char path[64];
	size_t count;
	int r;

	r = render(maps, n, side->type, &text, &count, e);
	if (r < 0)
		return r;
	if (count == 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, side->file);
	r = file_write_raw(AT_FDCWD, path, text.data, text.len);
	if (r != -EPERM)
		return r < 0 ? err_set(e, r, "write %s", path) : 0;

	for (size_t i = 0; i < n && !first; i++)
		first = is_of(&maps[i], side->type) ? &maps[i] : NULL;
	/* Nobody needs a helper to map himself; for a group the kernel wants setgroups(2) given up first. */
	if (side->type == 'g' && count == 1 && first->range == 1 && first->hostid == side->own) {
		char groups[64];

		snprintf(groups, sizeof(groups), "/proc/%d/setgroups", (int)pid);
		r = file_write_raw(AT_FDCWD, groups, "deny", 4);
		if (r < 0)
			return err_set(e, r, "write %s", groups);
		r = file_write_raw(AT_FDCWD, path, text.data, text.len);
		return r < 0 ? err_set(e, r, "write %s", path) : 0;
	}
	return run_helper(pid, side, text.data, e);
}

int idmap_write(pid_t pid, const struct idmap *maps, size_t n, struct err *e)
{
	const struct side sides[] = {
		{ 'u', "uid_map", "newuidmap", "uidmap", geteuid() },
		{ 'g', "gid_map", "newgidmap", "uidmap", getegid() },
	};
	int r;

	for (size_t i = 0; i < n; i++) {
		r = check_map(&maps[i], e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		r = write_side(pid, &sides[i], maps, n, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Runs on a borrowed stack in the caller's memory, all signals blocked: it must touch nothing, errno included. */
static int wait_for_death(void *parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == *(pid_t *)parent)
		for (;;)
			pause();
	return 0;
}

int idmap_userns_fd(const struct idmap *maps, size_t n, struct err *e)
{
	_Alignas(64) char stack[16 << 10];
	sigset_t all, old;
	pid_t self = getpid(), pid;
	char path[64];
	int fd = -EBADF, r;

	/* A child that shares the memory costs no page tables; SIGKILL is all that can reach it. No exit signal: the
	 * caller's SIGCHLD and its waits see nothing of this. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = clone(wait_for_death, stack + sizeof(stack), CLONE_VM | CLONE_NEWUSER, &self);
	r = pid < 0 ? -errno : 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (r < 0) {
		err_set(e, r, "create a user name space");
		if (r == -ENOSPC || r == -EPERM)
			err_hint(e, r, "see /proc/sys/user/max_user_namespaces and kernel.unprivileged_userns_clone");
		return r;
	}

	r = idmap_write(pid, maps, n, e);
	if (r == 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? err_set(e, -errno, "open %s", path) : 0;
	}
	/* Until it is gone it runs on this frame. */
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return r < 0 ? r : fd;
}

size_t idmap_add_own(struct idmap *maps, size_t n, char type, uint32_t own, uint32_t *ret_nsid)
{
	uint32_t free_id = 0;

	for (size_t i = 0; i < n; i++) {
		const struct idmap *x = &maps[i];

		if (!is_of(x, type))
			continue;
		if (own >= x->hostid && own - x->hostid < x->range) {
			*ret_nsid = x->nsid + (own - x->hostid);
			return n;
		}
		if (x->nsid + x->range > free_id)
			free_id = x->nsid + x->range;
	}
	maps[n] = (struct idmap){ type, free_id, own, 1 };
	*ret_nsid = free_id;
	return n + 1;
}

struct mapped_call {
	int (*fn)(void *arg, struct err *e);
	void *arg;
};

/* Says when it is in its name space, and waits for the maps. */
static int call_mapped(int sock, int *ret_fd, void *arg, struct err *e)
{
	const struct mapped_call *c = arg;
	char byte = 0;

	if (unshare(CLONE_NEWUSER) < 0)
		return err_set(e, -errno, "create a user name space");
	if (fd_send(sock, &byte, 1, NULL, 0) != 1 || fd_recv(sock, &byte, 1, NULL, NULL) != 1)
		return -ECHILD;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(e, -errno, "become root of a user name space");
	return c->fn(c->arg, e);
}

int idmap_call(const struct idmap *maps, size_t n, int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	struct mapped_call c = { fn, arg };
	struct errand h;
	char byte = 0;
	int r = errand_start(&h, call_mapped, &c, e);

	if (r == 0 && errand_word(&h)) {
		r = idmap_write(h.pid, maps, n, e);
		if (r == 0)
			(void)fd_send(h.sock, &byte, 1, NULL, 0);
	}
	if (r == 0)
		r = errand_answer(&h, NULL, "the process in the user name space", e);
	errand_end(&h);
	return r;
}

int64_t idmap_to_host(const struct idmap *maps, size_t n, char type, uint32_t nsid)
{
	for (size_t i = 0; i < n; i++)
		if (is_of(&maps[i], type) && nsid >= maps[i].nsid && nsid - maps[i].nsid < maps[i].range)
			return (int64_t)maps[i].hostid + (nsid - maps[i].nsid);
	return -EINVAL;
}
