/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/owner.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "sys/passwd.h"

#define SUBIDS_MAX (1u << 20)

void owner_maps_done(struct owner_maps *m)
{
	free(m->maps);
	*m = (struct owner_maps){ 0 };
}

int owner_maps(const struct container *c, struct owner_maps *ret, struct err *e)
{
	struct owner_maps m = { .maps = calloc(c->spec.idmaps.n + 2, sizeof(*m.maps)) };

	if (!m.maps)
		return err_oom(e);
	LIST_EACH(x, &c->spec.idmaps, struct spec_idmap)
		m.maps[m.n++] = (struct idmap){ x->type, x->nsid, x->hostid, x->range };
	m.n = idmap_add_own(m.maps, m.n, 'u', geteuid(), &m.uid);
	m.n = idmap_add_own(m.maps, m.n, 'g', getegid(), &m.gid);
	*ret = m;
	return 0;
}

struct gift {
	int dir, root;
};

/* As root of the container's users. */
static int give(void *arg, struct err *e)
{
	const struct gift *g = arg;

	if (g->root >= 0 && fchown(g->root, 0, 0) < 0)
		return err_set(e, -errno, "give the root file system to the container's root");
	/* What stands beside it is for who made it. */
	if (fchown(g->dir, 0, (gid_t)-1) < 0)
		return err_set(e, -errno, "give the container's folder to its root");
	return 0;
}

int owner_give(const struct container *c, const char *rootfs, struct err *e)
{
	_cleanup_close_ int dir = -EBADF, root = -EBADF;
	_cleanup_(owner_maps_done) struct owner_maps m = { 0 };
	struct gift g;
	int r;

	if (!c->spec.idmaps.n)
		return 0;
	dir = open(c->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, -errno, "open %s", c->dir);
	if (rootfs)
		root = open(rootfs, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Storage that is no directory is made with its owner. */
	if (rootfs && root < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_set(e, -errno, "open %s", rootfs);
	/* Whatever the umask. */
	if (fchmod(dir, 0770) < 0)
		return err_set(e, -errno, "change the mode of %s", c->dir);
	r = owner_maps(c, &m, e);
	g = (struct gift){ dir, root };
	return r < 0 ? r : idmap_call(m.maps, m.n, give, &g, e);
}

int owner_userns(const struct container *c, struct owner_maps *ret, int *ret_fd, struct err *e)
{
	_cleanup_(owner_maps_done) struct owner_maps m = { 0 };
	int r;

	*ret_fd = -EBADF;
	if (!c->spec.idmaps.n)
		return 0;
	r = owner_maps(c, &m, e);
	if (r < 0)
		return r;
	r = idmap_userns_fd(m.maps, m.n, e);
	if (r < 0)
		return r;
	*ret_fd = r;
	*ret = m;
	m = (struct owner_maps){ 0 };
	return 0;
}

/* "USER:FIRST:COUNT" lines, where USER is a name or a number. */
static bool suggest_one(const char *file, char type, const char *name, struct buf *out)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	char number[16];

	snprintf(number, sizeof(number), "%u", geteuid());
	if (file_read(AT_FDCWD, file, SUBIDS_MAX, &text, NULL, NULL) < 0 || strv_split(&lines, text, "\n", NULL) < 0)
		return false;
	for (size_t i = 0; i < lines.n; i++) {
		char *first = strchr(lines.v[i], ':'), *count = first ? strchr(first + 1, ':') : NULL;
		uint32_t a, n;

		if (!count)
			continue;
		*first++ = '\0';
		*count++ = '\0';
		if ((!streq(lines.v[i], number) && !streq(lines.v[i], name)) || parse_u32(first, &a) < 0 ||
		    parse_u32(count, &n) < 0)
			continue;
		buf_printf(out, "%slxc.idmap = %c 0 %u %u", out->len ? "; " : "", type, a, n);
		return true;
	}
	return false;
}

bool owner_suggest(struct buf *out)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ struct passwd_user *u = calloc(1, sizeof(*u));
	char number[16];

	snprintf(number, sizeof(number), "%u", geteuid());
	if (root < 0 || !u || passwd_find(root, number, u, NULL) < 0)
		return false;
	return suggest_one("/etc/subuid", 'u', u->name, out) && suggest_one("/etc/subgid", 'g', u->name, out);
}

static int remove_it(void *arg, struct err *e)
{
	return tree_remove(AT_FDCWD, arg, e);
}

int owner_remove(const struct container *c, const char *dir, struct err *e)
{
	_cleanup_(owner_maps_done) struct owner_maps m = { 0 };
	int r = owner_maps(c, &m, e);

	return r < 0 ? r : idmap_call(m.maps, m.n, remove_it, (void *)(uintptr_t)dir, e);
}
