/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copies that live as long as they run: lxc-copy -e, lxc-start-ephemeral. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/copy-inner.h"

#define TRIES 100

/* Six letters and digits. */
static int random_word(char ret[static 7], struct err *e)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	unsigned char b[6];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return err_set(e, -errno, "random bytes");
	for (size_t i = 0; i < sizeof(b); i++)
		ret[i] = set[b[i] % (sizeof(set) - 1)];
	ret[6] = '\0';
	return 0;
}

static int random_name(const struct container *c, const char *lxcpath, char **ret, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		_cleanup_free_ char *name = NULL, *dir = NULL;
		char word[7];
		int r = random_word(word, e);

		if (r < 0)
			return r;
		if (asprintf(&name, "%s_%s", c->name, word) < 0) {
			name = NULL;
			return err_oom(e);
		}
		dir = path_join(lxcpath, name);
		if (!dir)
			return err_oom(e);
		if (file_exists(AT_FDCWD, dir))
			continue;
		*ret = TAKE_PTR(name);
		return 0;
	}
	return err_kind(e, ERR_LIMIT, -EBUSY, "no free name for a copy of %s", c->name);
}

struct ephemeral {
	char *dir;	  /* the new folder */
	struct strv sets; /* lines of its configuration */
	struct strv dirs; /* to be made in it */
};

static void ephemeral_done(struct ephemeral *p)
{
	free(p->dir);
	strv_done(&p->sets);
	strv_done(&p->dirs);
}

static int add_overlay(struct ephemeral *p, const char *src, const char *dst, struct err *e)
{
	char word[7];
	int r = random_word(word, e);

	if (r == 0)
		r = strv_pushf(&p->dirs, e, "%s/delta#%s", p->dir, word);
	if (r == 0)
		r = strv_pushf(&p->dirs, e, "%s/work#%s", p->dir, word);
	if (r == 0)
		r = strv_pushf(&p->sets, e,
			       "lxc.mount.entry=%s %s overlay "
			       "lowerdir=%s,upperdir=%s/delta#%s,workdir=%s/work#%s,create=dir 0 0",
			       src, dst, src, p->dir, word, p->dir, word);
	return r;
}

static int bad_mount(const char *word, struct err *e)
{
	err_kind(e, ERR_INVALID, -EINVAL, "mount '%s' makes no sense", word);
	return err_hint(e, -EINVAL, "expected bind=/SRC[:/DST[:ro]] or overlay=/SRC[:/DST]");
}

/* "bind=/src:/dst:ro" */
static int add_mount(struct ephemeral *p, const char *word, struct err *e)
{
	_cleanup_strv_ struct strv fields = STRV_INIT;
	const char *rest = strchr(word, '='), *src, *dst, *mode;
	bool bind = startswith(word, "bind=");
	int r;

	if (!rest || (!bind && !startswith(word, "overlay=")))
		return bad_mount(word, e);
	r = strv_split(&fields, rest + 1, ":", e);
	if (r < 0)
		return r;
	if (!fields.n || fields.n > (bind ? 3 : 2) || fields.v[0][0] != '/' || strpbrk(word, " \t\n"))
		return bad_mount(word, e);
	src = fields.v[0];
	dst = fields.n > 1 ? fields.v[1] : src;
	mode = fields.n > 2 ? fields.v[2] : "rw";
	if (!streq(mode, "ro") && !streq(mode, "rw"))
		return bad_mount(word, e);
	dst += strspn(dst, "/");
	if (!*dst)
		return bad_mount(word, e);
	if (!bind)
		return add_overlay(p, src, dst, e);
	return strv_pushf(&p->sets, e, "lxc.mount.entry=%s %s none bind,optional,%s,create=dir 0 0", src, dst, mode);
}

static int add_mounts(struct ephemeral *p, const char *mounts, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r = mounts ? strv_split(&words, mounts, ",", e) : 0;

	for (size_t i = 0; i < words.n && r == 0; i++)
		r = add_mount(p, words.v[i], e);
	return r;
}

/* In the container's own mount name space a tmpfs is laid over the folder of the layers, with what is in there by then. */
static int write_tmpfs_hook(const char *dir, struct err *e)
{
	static const char text[] = "#!/bin/sh\nset -e\ncd \"${0%/*}\"\nmkdir -p overlay overlay.new\n"
				   "mount -n -t tmpfs -o mode=0755 none overlay.new\ncp -a overlay/. overlay.new/\n"
				   "rm -rf overlay.new/work/*\nmount -n --bind overlay.new overlay\n"
				   "umount -n overlay.new\n";
	_cleanup_free_ char *path = path_join(dir, "pre-mount-tmpfs");

	return path ? file_replace(AT_FDCWD, path, text, strlen(text), 0755, false, e) : err_oom(e);
}

static int collect(struct ephemeral *p, const struct ephemeral_opts *o, struct err *e)
{
	int r = add_mounts(p, o->mounts, e);

	if (r == 0 && !o->keep_data)
		r = strv_push(&p->sets, "lxc.ephemeral=1", e);
	if (r == 0 && o->tmpfs)
		r = strv_pushf(&p->sets, e, "lxc.hook.pre-mount=%s/pre-mount-tmpfs", p->dir);
	return r;
}

int container_ephemeral(struct container *c, const struct ephemeral_opts *o, struct container **ret, struct err *e)
{
	_cleanup_(ephemeral_done) struct ephemeral p = { 0 };
	_cleanup_(container_freep) struct container *to = NULL;
	struct copy_opts copy = o->copy;
	_cleanup_free_ char *name = NULL;
	int r = 0;

	copy.lxcpath = copy.lxcpath ?: c->lxcpath;
	copy.flags |= COPY_SNAPSHOT;
	if (!copy.name)
		r = random_name(c, copy.lxcpath, &name, e);
	if (r < 0)
		return r;
	copy.name = copy.name ?: name;
	p.dir = path_join(copy.lxcpath, copy.name);
	if (!p.dir)
		return err_oom(e);
	r = collect(&p, o, e);
	if (r < 0)
		return r;
	copy.sets = (const char *const *)strv_get(&p.sets);
	r = container_copy(c, &copy, &to, e);
	for (size_t i = 0; i < p.dirs.n && r == 0 && to; i++)
		if (mkdir(p.dirs.v[i], 0755) < 0)
			r = err_set(e, -errno, "create %s", p.dirs.v[i]);
	if (r == 0 && to && o->tmpfs && !(to->spec.rootfs.path && startswith(to->spec.rootfs.path, "overlay:")))
		r = err_kind(e, ERR_INVALID, -EINVAL, "a tmpfs can only hold the changes of an overlay");
	if (r == 0 && to && o->tmpfs)
		r = write_tmpfs_hook(to->dir, e);
	if (r < 0 && to)
		(void)container_destroy(to, true, NULL);
	if (r == 0)
		*ret = TAKE_PTR(to);
	return r;
}
