/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is in a volume: filled from the image while it is empty, or mounted by the options of the driver local.
 *
 * Filling: the image's files are copied to NAME/_fill, which becomes NAME/_ready once it is whole; then each entry is moved to
 * NAME/_data. So those who have it mounted see it, a kill leaves either nothing or what is finished by the next one, and what
 * somebody wrote meanwhile stays. Who works at it holds a lock on NAME.
 *
 * Mounting: NAME/_data is mounted when the first of its containers starts, and no more when the last has ended.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "engine/docker-inner.h"
#include "store/store.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

static int lock_volume(struct docker *d, const char *name, struct err *e)
{
	_cleanup_free_ char *path = docker_volume_path(d, name, "");
	int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -EBADF;

	if (!path)
		return err_oom(e);
	if (fd < 0)
		return err_set(e, -errno, "open %s", path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR) {
			int r = err_set(e, -errno, "lock %s", path);

			fd_close(fd);
			return r;
		}
	return fd;
}

/* --- filling ------------------------------------------------------------------------------------------------------------- */

static bool dir_is_empty(int fd)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	struct dirent *de;
	bool empty = true;

	if (!d) {
		fd_close(own);
		return false;
	}
	while (empty && (de = readdir(d)))
		empty = streq(de->d_name, ".") || streq(de->d_name, "..");
	closedir(d);
	return empty;
}

/* Any number of times. What is there by another hand stays. */
static int move_ready(int volume, int data, struct err *e)
{
	_cleanup_close_ int ready = openat(volume, "_ready", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int own = ready < 0 ? -EBADF : openat(ready, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	struct dirent *de;

	if (ready < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open _ready of the volume");
	if (!dir) {
		fd_close(own);
		return err_set(e, -errno, "read _ready of the volume");
	}
	while (r == 0 && (de = readdir(dir))) {
		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		if (renameat2(ready, de->d_name, data, de->d_name, RENAME_NOREPLACE) < 0 && errno != EEXIST)
			r = err_set(e, -errno, "move %s into the volume", de->d_name);
	}
	closedir(dir);
	return r == 0 ? tree_remove(volume, "_ready", e) : r;
}

/* The image's folder, looked up in its root: no link leads anywhere else. -ENOENT without *e: it has none. */
static int open_image_dir(const struct docker_fill *f, struct stat *st, struct err *e)
{
	_cleanup_close_ int path = inroot_open_path(f->root, f->target, O_DIRECTORY);
	int fd = path < 0 ? -ENOENT : openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (path < 0)
		return -ENOENT;
	if (fd < 0 || fstat(fd, st) < 0) {
		fd_close(fd);
		return err_set(e, -errno, "open %s of the image", f->target);
	}
	return fd;
}

static int take_owner(int to, const struct stat *st, const char *name, struct err *e)
{
	return fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0
		       ? err_set(e, -errno, "give the volume %s its owner", name)
		       : 0;
}

static int copy_whole(int volume, int data, int from, struct err *e)
{
	_cleanup_close_ int fill = -EBADF;
	int r;

	if (mkdirat(volume, "_fill", 0700) < 0)
		return err_set(e, -errno, "create _fill of the volume");
	fill = openat(volume, "_fill", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	r = fill < 0 ? err_set(e, -errno, "open _fill of the volume") : store_copy_below(from, fill, e);
	if (r == 0 && renameat(volume, "_fill", volume, "_ready") < 0)
		r = err_set(e, -errno, "finish filling the volume");
	return r == 0 ? move_ready(volume, data, e) : r;
}

static int fill(int volume, const struct docker_fill *f, struct err *e)
{
	_cleanup_close_ int data = openat(volume, "_data", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW),
			    from = -EBADF;
	struct stat st;
	int r;

	if (data < 0)
		return err_set(e, -errno, "open the volume %s", f->name);
	r = f->mounted ? 0 : move_ready(volume, data, e);
	if (r == 0 && faccessat(volume, "_fill", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		r = tree_remove(volume, "_fill", e);
	if (r < 0 || f->root < 0 || !dir_is_empty(data))
		return r;
	from = open_image_dir(f, &st, e);
	if (from < 0)
		return from == -ENOENT ? 0 : from;
	r = take_owner(data, &st, f->name, e);
	if (r < 0 || dir_is_empty(from))
		return r;
	/* Another file system is not reached by a rename. */
	return f->mounted ? store_copy_below(from, data, e) : copy_whole(volume, data, from, e);
}

/* --- options ------------------------------------------------------------------------------------------------------------- */

enum { OPT_TYPE, OPT_DEVICE, OPT_O };
static const char *const option_names[] = { "type", "device", "o" };

struct options {
	const char **words, *volume;
	struct err *e;
};

static int one_option(void *arg, const char *name, struct json_c_value *v)
{
	struct options *o = arg;

	for (unsigned i = 0; i < ARRAY_SIZE(option_names); i++)
		if (streq(name, option_names[i])) {
			o->words[i] = value_text(v, NULL) ?: "";
			return 0;
		}
	if (streq(name, "size"))
		return err_kind(o->e, ERR_INVALID, -EINVAL,
				"create %s: quota size requested but no quota support; type=tmpfs takes o=size=…",
				o->volume);
	return err_kind(o->e, ERR_INVALID, -EINVAL, "create %s: invalid option: \"%s\"", o->volume, name);
}

int docker_volume_options(const struct json_c_value *options, const char *words[3], const char *name, struct err *e)
{
	const char *own[3] = { NULL };
	struct mount_opts m;
	int r;

	words = words ?: own;
	r = value_each(options, one_option, &(struct options){ words, name, e });
	if (r == 0 && words[OPT_TYPE] && !words[OPT_DEVICE])
		r = err_kind(e, ERR_INVALID, -EINVAL, "create %s: missing required option: \"device\"", name);
	if (r == 0 && words[OPT_DEVICE] && !words[OPT_TYPE])
		r = err_kind(e, ERR_INVALID, -EINVAL, "create %s: missing required option: \"type\"", name);
	if (r == 0 && words[OPT_O])
		r = mount_opts_parse(words[OPT_O], &m, e);
	return r < 0 ? r : 0;
}

/* The C library's own look-up is not for programs that are linked statically. */
static int look_up(const char *host, char **ret, struct err *e)
{
	char *const argv[] = { (char *)"getent", (char *)"ahosts", (char *)host, NULL };
	unsigned char waste[16];
	int r;

	if (inet_pton(AF_INET, host, waste) == 1 || inet_pton(AF_INET6, host, waste) == 1) {
		*ret = strdup(host);
		return *ret ? 0 : err_oom(e);
	}
	r = *host == '-' ? -EINVAL : spawn_run(&(struct spawn){ .path = "getent", .argv = argv }, ret, e);
	if (r == 0 && *ret)
		(*ret)[strcspn(*ret, " \t\n")] = '\0';
	return r == 0 && !isempty(*ret)
		       ? 0
		       : err_kind(e, ERR_NOT_FOUND, -EHOSTUNREACH,
				  "error resolving passed in network volume address: %s: no such host", host);
}

/* The kernel wants addr= as numbers. */
static int resolve_address(struct mount_opts *m, struct err *e)
{
	char *at = startswith(m->data, "addr=") ? m->data : strstr(m->data, ",addr=");
	_cleanup_free_ char *host = NULL, *number = NULL, *rest = NULL;
	size_t room;
	int r;

	if (!at)
		return 0;
	at += (*at == ',') + strlen("addr=");
	room = sizeof(m->data) - (size_t)(at - m->data);
	host = strndup(at, strcspn(at, ","));
	rest = strdup(at + strcspn(at, ","));
	if (!host || !rest)
		return err_oom(e);
	r = look_up(host, &number, e);
	if (r < 0)
		return r;
	return snprintf(at, room, "%s%s", number, rest) < (int)room
		       ? 0
		       : err_kind(e, ERR_LIMIT, -E2BIG, "mount options are longer than %zu bytes", sizeof(m->data));
}

static int open_mount(const char *const words[3], struct err *e)
{
	struct mount_opts m = { 0 };
	int r = mount_opts_parse(words[OPT_O] ?: "", &m, e), fd;

	if (r == 0)
		r = resolve_address(&m, e);
	if (r < 0)
		return r;
	if (!m.bind && !m.rbind)
		return mount_new(words[OPT_TYPE] ?: "", words[OPT_DEVICE], m.data, m.attr_set, m.fs_ro, e);
	fd = mount_clone(AT_FDCWD, words[OPT_DEVICE] ?: "", m.rbind, e);
	if (fd < 0)
		return fd;
	r = mount_set(fd, m.attr_set, m.attr_clr, 0, false, e);
	if (r < 0)
		fd_close(fd);
	return r < 0 ? r : fd;
}

static bool is_mount(int volume)
{
	struct statx x;

	return statx(volume, "_data", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &x) == 0 &&
	       x.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

/* With the lock held. */
static int mount_volume(struct docker *d, int volume, const char *name, struct err *e)
{
	_cleanup_value_ struct json_c_value *doc = NULL;
	_cleanup_close_ int fd = -EBADF, data = -EBADF;
	const char *words[3] = { NULL };
	int r;

	if (is_mount(volume))
		return 0;
	r = docker_volume_find(d, name, &doc, NULL, e);
	if (r == 0)
		r = docker_volume_options(value_get(doc, "Options"), words, name, e);
	if (r < 0 || !words[OPT_DEVICE])
		return r;
	data = openat(volume, "_data", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (data < 0)
		return err_set(e, -errno, "open the volume %s", name);
	fd = open_mount(words, e);
	r = fd < 0 ? fd : mount_attach(fd, data, e);
	return r < 0 ? err_wrap(e, r, "error while mounting volume '%s': failed to mount local volume", name) : 0;
}

/* With the lock held. Who is about to start holds its own container's lock. */
static void unmount_unused(struct docker *d, int volume, const char *name, const char *container)
{
	_cleanup_value_ struct json_c_value *doc = NULL;
	_cleanup_strv_ struct strv users = STRV_INIT;

	if (!is_mount(volume) || docker_volume_find(d, name, &doc, &users, NULL) < 0)
		return;
	for (size_t i = 0; i < users.n; i++) {
		_cleanup_record_ struct record rec = { .exit_status = -1 };
		_cleanup_close_ int lock = -EBADF;

		if (streq(users.v[i], container))
			continue;
		lock = record_lock(users.v[i], false, NULL);
		if (lock < 0 || docker_running(&(struct docker_row){ .id = users.v[i] }, &rec, NULL) == 0)
			return;
	}
	docker_volume_unmount(d, name);
}

void docker_volume_unmount(struct docker *d, const char *name)
{
	_cleanup_free_ char *path = docker_volume_path(d, name, "_data");

	if (path)
		(void)sys_umount2(path, MNT_DETACH);
}

/* FN of each volume of C that is a mount. */
static int each_mounted(const struct docker_row *c,
			int (*fn)(struct docker *d, const char *name, const char *id, struct err *e), struct docker *d,
			struct err *e)
{
	const struct json_c_value *l = value_get(c->doc, "Mounts");
	int r = 0;

	for (size_t i = 0; i < value_len(l) && r == 0; i++) {
		const struct json_c_value *m = value_elem(l, i);

		if (value_bool(m, "Mounted"))
			r = fn(d, value_text(m, "Name"), c->id, e);
	}
	return r;
}

static int use_one(struct docker *d, const char *name, const char *id, struct err *e)
{
	_cleanup_close_ int volume = lock_volume(d, name, e);

	return volume < 0 ? volume : mount_volume(d, volume, name, e);
}

static int leave_one(struct docker *d, const char *name, const char *id, struct err *e)
{
	_cleanup_close_ int volume = lock_volume(d, name, NULL);

	if (volume >= 0)
		unmount_unused(d, volume, name, id);
	return 0;
}

int docker_volumes_mount(struct docker *d, const struct docker_row *c, struct err *e)
{
	return each_mounted(c, use_one, d, e);
}

void docker_volumes_unmount(struct docker *d, const struct docker_row *c)
{
	(void)each_mounted(c, leave_one, d, NULL);
}

void docker_volumes_release(struct docker *d, const struct docker_row *c)
{
	docker_volumes_unmount(d, &(struct docker_row){ .id = (char *)"", .doc = c->doc });
}

int docker_volume_fill(struct docker *d, const struct docker_fill *f, struct err *e)
{
	_cleanup_close_ int volume = lock_volume(d, f->name, e);
	int r = volume < 0 ? volume : 0;

	if (r == 0 && f->mounted)
		r = mount_volume(d, volume, f->name, e);
	if (r == 0)
		r = fill(volume, f, e);
	if (volume >= 0 && f->mounted)
		unmount_unused(d, volume, f->name, f->container);
	return r;
}
