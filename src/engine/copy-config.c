/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The configuration of a copy: the user's text, with what must differ.
 *
 * Hooks that lie in the source's folder are copied and named anew, as is the fstab; of mounts, only those of an overlay
 * keep their layers in the folder and follow it. Log files in the source's folder get their place in the new one.
 */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/copy-inner.h"

#define SCRIPT_MAX (16u << 20)

/* What follows DIR/ in PATH, or NULL. */
static const char *below(const char *path, const char *dir)
{
	const char *rest = startswith(path, dir);

	return rest && *rest == '/' && rest[1] ? rest + 1 : NULL;
}

/* FROM to DIR/NAME, with its mode. Missing is fine: what names it says so when it is used. */
static int copy_small(const char *from, const char *dir, const char *name, struct err *e)
{
	_cleanup_free_ char *to = path_join(dir, name), *text = NULL, *parent = NULL;
	struct stat st;
	size_t len;
	int r;

	if (!to)
		return err_oom(e);
	if (stat(from, &st) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "stat %s", from);
	r = file_read(AT_FDCWD, from, SCRIPT_MAX, &text, &len, e);
	if (r < 0)
		return r;
	parent = strdup(to);
	if (!parent)
		return err_oom(e);
	*strrchr(parent, '/') = '\0';
	r = dir_make_all(parent, 0755, e);
	return r < 0 ? r : file_replace(AT_FDCWD, to, text, len, st.st_mode & 07777, false, e);
}

/* Every "FROM/" in VALUE becomes "TO/". */
static int replace_all(const char *value, const char *from, const char *to, char **ret, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	size_t n = strlen(from);
	const char *p = value, *hit;
	int r;

	while ((hit = strstr(p, from))) {
		buf_add(&b, p, (size_t)(hit - p));
		buf_puts(&b, hit[n] == '/' ? to : from);
		p = hit + n;
	}
	buf_puts(&b, p);
	r = buf_error(&b, e);
	if (r == 0 && !streq(buf_str(&b), value))
		*ret = buf_take(&b);
	return r;
}

static int map_hook(const struct copy_text *t, const char *value, char **ret, struct err *e)
{
	_cleanup_free_ char *file = strndup(value, strcspn(value, " \t"));
	const char *name;
	int r;

	if (!file)
		return err_oom(e);
	name = below(file, t->from_dir);
	if (!name)
		return 0;
	r = copy_small(file, t->put_dir, name, e);
	if (r < 0)
		return err_wrap(e, r, "copy hook");
	return asprintf(ret, "%s/%s%s", t->to_dir, name, value + strlen(file)) < 0 ? err_oom(e) : 0;
}

static int new_mac(char **ret, struct err *e)
{
	unsigned char b[3];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return err_set(e, -errno, "random bytes");
	return asprintf(ret, "10:66:6a:%02x:%02x:%02x", b[0], b[1], b[2]) < 0 ? err_oom(e) : 0;
}

static bool is_mac(const char *key)
{
	size_t n = strlen(key);

	return (startswith(key, "lxc.net.") || startswith(key, "lxc.network.")) && n > strlen(".hwaddr") &&
	       streq(key + n - strlen(".hwaddr"), ".hwaddr");
}

static int map(void *arg, const char *key, const char *value, char **ret, struct err *e)
{
	const struct copy_text *t = arg;
	const char *rest;

	if (!*value)
		return 0;
	if (is_mac(key))
		return t->new_macs ? new_mac(ret, e) : 0;
	if (startswith(key, "lxc.hook."))
		return map_hook(t, value, ret, e);
	if (streq(key, "lxc.mount.entry"))
		return strstr(value, " overlay ") || strstr(value, " aufs ")
			       ? replace_all(value, t->from_dir, t->to_dir, ret, e)
			       : 0;
	if (streq(key, "lxc.log.file") || streq(key, "lxc.logfile") || streq(key, "lxc.console.logfile")) {
		rest = below(value, t->from_dir);
		if (rest && asprintf(ret, "%s/%s", t->to_dir, rest) < 0)
			return err_oom(e);
	}
	return 0;
}

static int map_fstab(struct lxc_config *conf, const struct copy_text *t, struct err *e)
{
	const char *fstab = lxc_config_spec(conf)->fstab, *name;
	_cleanup_free_ char *path = NULL;
	int r;

	if (isempty(fstab))
		return 0;
	name = strrchr(fstab, '/') ? strrchr(fstab, '/') + 1 : fstab;
	if (!path_is_component(name) || streq(name, "config"))
		return 0;
	r = copy_small(fstab, t->put_dir, name, e);
	if (r < 0)
		return err_wrap(e, r, "copy fstab");
	path = path_join(t->to_dir, name);
	return path ? lxc_config_set(conf, "lxc.mount.fstab", path, e) : err_oom(e);
}

int copy_text(struct lxc_config *conf, const struct copy_text *t, struct err *e)
{
	int r = lxc_config_map(conf, map, (void *)t, e);

	if (r == 0)
		r = map_fstab(conf, t, e);
	if (r == 0 && t->rootfs)
		r = lxc_config_set(conf, "lxc.rootfs.path", t->rootfs, e);
	if (r == 0 && t->name)
		r = lxc_config_set(conf, "lxc.uts.name", t->name, e);
	return r;
}
