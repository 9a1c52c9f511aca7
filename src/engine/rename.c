/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Other names for containers. The new text is laid down beside the old, and comes into force with the folder's name. */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/copy-inner.h"
#include "store/swap.h"

static int check_renamable(struct container *c, struct err *e)
{
	unsigned clones;
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (!c->defined)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "Container is not defined");
	if (c->rec.state != RUN_STOPPED)
		return err_kind(e, ERR_STATE, -EBUSY, "a container that runs cannot be renamed");
	r = depends_clones(c->dir, &clones, e);
	if (r < 0)
		return r;
	if (clones || depends_snapshots(c))
		return err_kind(e, ERR_STATE, -EBUSY, "Renaming a container with snapshots is not supported");
	return 0;
}

/* Where the root of the container will be when its folder is TO's: below it, or under another name elsewhere. */
static int renamed_root(const struct container *c, const struct container *to, const struct store_ref *root, char **ret,
			struct err *e)
{
	const struct store_opts none = { 0 };
	struct store_owner w = { .name = to->name, .dir = to->dir, .o = &none };
	const char *path = c->spec.rootfs.path ?: "";
	_cleanup_buf_ struct buf b = BUF_INIT;
	size_t n = strlen(c->dir);
	const char *p = path, *hit;
	int r;

	if (root->driver->rename && c->spec.rootfs.managed != TRI_NO)
		return root->driver->place(&w, root, ret, e);
	while ((hit = strstr(p, c->dir))) {
		buf_add(&b, p, (size_t)(hit - p));
		buf_puts(&b, hit[n] == '/' ? to->dir : c->dir);
		p = hit + n;
	}
	buf_puts(&b, p);
	r = buf_error(&b, e);
	if (r == 0)
		*ret = buf_take(&b);
	return r;
}

struct renaming {
	struct container *c, *to;
	struct lxc_config *conf;
	struct store_ref root;
	char *rootfs, *fresh;
};

static void renaming_done(struct renaming *n)
{
	lxc_config_free(n->conf);
	store_ref_done(&n->root);
	free(n->rootfs);
	free(n->fresh);
}

/* The text for the new place, laid down beside the old: it is right once the folder has its new name. */
static int prepare_rename(struct renaming *n, struct err *e)
{
	struct copy_text t = { .from_dir = n->c->dir, .to_dir = n->to->dir, .name = n->to->name };
	_cleanup_free_ char *config = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = lxc_config_load(n->c->config, &n->conf, e);

	if (r == 0)
		r = copy_take_spec(&n->c->spec, n->conf, e);
	if (r == 0 && n->c->spec.rootfs.path)
		r = store_parse(n->c->spec.rootfs.path, &n->root, e);
	if (r == 0 && n->root.driver)
		r = renamed_root(n->c, n->to, &n->root, &n->rootfs, e);
	if (r == 0)
		r = copy_settle(n->c->dir, e);
	if (r == 0)
		r = swap_begin(n->c->dir, &n->fresh, e);
	if (r < 0)
		return r;
	t.rootfs = n->rootfs;
	t.put_dir = n->fresh;
	r = copy_text(n->conf, &t, e);
	if (r == 0)
		r = lxc_config_text(n->conf, &text, e);
	if (r < 0)
		return r;
	config = path_join(n->fresh, "config");
	r = config ? file_replace(AT_FDCWD, config, buf_str(&text), text.len, 0640, true, e) : err_oom(e);
	return r == 0 ? swap_commit(n->c->dir, n->to->dir, NULL, e) : r;
}

static int rename_steps(struct renaming *n, struct err *e)
{
	struct store_ref moved = { 0 };
	int r = prepare_rename(n, e);

	if (r == 0 && n->rootfs)
		r = store_parse(n->rootfs, &moved, e);
	if (r == 0 && n->root.driver && n->root.driver->rename && n->c->spec.rootfs.managed != TRI_NO)
		r = n->root.driver->rename(&n->root, &moved, e);
	if (r == 0 && renameat2(AT_FDCWD, n->c->dir, AT_FDCWD, n->to->dir, RENAME_NOREPLACE) < 0)
		r = err_set(e, -errno, "rename %s to %s", n->c->dir, n->to->dir);
	if (r < 0) {
		/* Still the old name: nothing of it comes into force. */
		(void)copy_settle(n->c->dir, NULL);
		store_ref_done(&moved);
		return r;
	}
	r = copy_settle(n->to->dir, e);
	if (r == 0 && moved.driver) {
		r = copy_hostname(n->c, &moved, n->to->name, e);
	}
	store_ref_done(&moved);
	/* Those that it rests on know it by its name. */
	if (r == 0)
		r = depends_tell(n->to->dir, n->c->lxcpath, n->c->name, false, e);
	return r == 0 ? depends_tell(n->to->dir, n->to->lxcpath, n->to->name, true, e) : r;
}

/* C is what TO was opened as. */
static void become(struct container *c, struct container *to)
{
	char **mine[] = { &c->name, &c->id, &c->dir, &c->config },
	     **other[] = { &to->name, &to->id, &to->dir, &to->config };

	for (size_t i = 0; i < ARRAY_SIZE(mine); i++) {
		char *s = *mine[i];

		*mine[i] = *other[i];
		*other[i] = s;
	}
	record_done(&c->rec);
}

int container_rename(struct container *c, const char *name, struct err *e)
{
	_cleanup_(container_freep) struct container *to = NULL;
	_cleanup_(renaming_done) struct renaming n = { .c = c };
	_cleanup_close_ int lock = -EBADF, to_lock = -EBADF;
	int r = check_renamable(c, e);

	if (r == 0)
		r = container_open_in(c->engine, c->lxcpath, name, OPEN_NO_CONFIG, &to, e);
	if (r < 0)
		return r;
	if (file_exists(AT_FDCWD, to->dir))
		return err_kind(e, ERR_EXISTS, -EEXIST, "%s exists", to->dir);
	if (engine_dry(c->engine, "rename %s to %s", c->dir, to->dir))
		return 0;
	lock = record_lock(c->id, true, e);
	to_lock = lock < 0 ? lock : record_lock(to->id, false, e);
	if (to_lock < 0)
		return to_lock == -EWOULDBLOCK ? err_kind(e, ERR_STATE, -EBUSY, "%s is being worked on", name)
					       : to_lock;
	n.to = to;
	r = check_renamable(c, e);
	if (r == 0)
		r = rename_steps(&n, e);
	if (r < 0)
		return r;
	(void)container_forget(c, NULL);
	become(c, to);
	return copy_take_spec(&c->spec, n.conf, e);
}
