/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is left of creates, copies, snapshots, renames and restores, told by the marks in the containers' folders: the journal of
 * who was killed may have gone with a reboot. */

#include <dirent.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/copy-inner.h"
#include "store/swap.h"

struct look {
	struct engine *g;
	bool fix;
	struct buf *report;
	unsigned *found;
};

static int act(const struct look *l, const char *lxcpath, const char *name, const char *dir, bool partial,
	       struct err *e)
{
	_cleanup_free_ char *id = NULL;
	_cleanup_close_ int lock = -EBADF;
	int r = record_id(lxcpath, name, &id, e);

	if (r < 0)
		return r;
	if ((!l->fix && record_locked(id)) || (partial && copy_is_claimed(dir)))
		return 0;
	if (l->fix) {
		lock = record_lock(id, false, NULL);
		if (lock < 0)
			return 0;
		r = partial ? copy_drop_partial(dir, e) : copy_settle(dir, e);
	}
	buf_printf(l->report, "%s: %s%s\n", name,
		   partial ? "an unfinished container" : "an interrupted rename or restore",
		   !l->fix   ? ""
		   : r < 0   ? " (not removed)"
		   : partial ? " (removed)"
			     : " (settled)");
	(*l->found)++;
	if (r < 0 && e)
		buf_printf(l->report, "%s: %s\n", name, e->msg);
	err_clear(e);
	return 0;
}

static int look_at(const struct look *l, const char *lxcpath, const char *name, bool deeper, struct err *e);

static int look_below(const struct look *l, const char *lxcpath, bool deeper, struct err *e)
{
	DIR *d = opendir(lxcpath);
	struct dirent *de;
	int r = 0;

	if (!d)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0
									      : err_set(e, -errno, "open %s", lxcpath);
	while (r == 0 && (de = readdir(d)))
		if (de->d_name[0] != '.')
			r = look_at(l, lxcpath, de->d_name, deeper, e);
	closedir(d);
	return r;
}

static int look_at(const struct look *l, const char *lxcpath, const char *name, bool deeper, struct err *e)
{
	_cleanup_free_ char *dir = path_join(lxcpath, name), *snaps = NULL;

	if (!dir)
		return err_oom(e);
	if (copy_is_partial(dir))
		return act(l, lxcpath, name, dir, true, e);
	if (swap_pending(dir)) {
		int r = act(l, lxcpath, name, dir, false, e);

		if (r < 0)
			return r;
	}
	if (!deeper)
		return 0;
	snaps = path_join(dir, "snaps");
	return snaps ? look_below(l, snaps, false, e) : err_oom(e);
}

int copy_doctor(struct engine *g, bool fix, struct buf *report, unsigned *found, struct err *e)
{
	struct look l = { g, fix, report, found };

	return look_below(&l, g->lxcpath, true, e);
}
