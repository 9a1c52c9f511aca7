/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names that no header declares and that liblxc exports all the same. Programs of the LXC project itself use some of
 * them: its tools the lxc_config_* ones, its tests the thread-local current_config.
 */

#include <fcntl.h>
#include <stdio.h>
#include <linux/mount.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/copy-inner.h"
#include "liblxc/liblxc.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

/* Prototypes as its sources have them. */
struct lxc_list {
	void *elem;
	struct lxc_list *next, *prev;
};
struct define {
	char *key, *value;
};
extern _Thread_local struct lxc_conf *current_config;
int lxc_config_define_add(struct lxc_list *defines, char *arg);
bool lxc_config_define_load(struct lxc_list *defines, struct lxc_container *c);
void lxc_config_define_free(struct lxc_list *defines);
int lxc_config_parse_arch(const char *arch, signed long *persona);
bool lxc_is_valid_storage_type(const char *type);

/* The configuration at hand in this thread: nothing of ours needs to know. */
PUBLIC _Thread_local struct lxc_conf *current_config;

static void define_free(struct define *d)
{
	free(d->key);
	free(d->value);
	free(d);
}

/* "KEY = VALUE" to the end of the list. */
PUBLIC int lxc_config_define_add(struct lxc_list *defines, char *arg)
{
	struct lxc_list *l = calloc(1, sizeof(*l));
	struct define *d = calloc(1, sizeof(*d));
	const char *eq = strchr(arg, '='), *from = arg + strspn(arg, " \t"), *end = eq;

	while (end && end > from && strchr(" \t", end[-1]))
		end--;
	if (l && d && eq) {
		d->key = strndup(from, (size_t)(end - from));
		d->value = strdup(eq + 1 + strspn(eq + 1, " \t"));
	}
	if (!l || !d || !d->key || !d->value) {
		free(l);
		if (d)
			define_free(d);
		return eq ? -ENOMEM : -EINVAL;
	}
	l->elem = d;
	l->prev = defines->prev;
	l->next = defines;
	defines->prev->next = l;
	defines->prev = l;
	return 0;
}

PUBLIC void lxc_config_define_free(struct lxc_list *defines)
{
	struct lxc_list *next;

	for (struct lxc_list *l = defines->next; l != defines; l = next) {
		next = l->next;
		define_free(l->elem);
		free(l);
	}
	defines->next = defines->prev = defines;
}

PUBLIC bool lxc_config_define_load(struct lxc_list *defines, struct lxc_container *c)
{
	bool ok = true;

	for (struct lxc_list *l = defines->next; l != defines && ok; l = l->next) {
		const struct define *d = l->elem;

		ok = c->set_config_item(c, d->key, d->value);
	}
	lxc_config_define_free(defines);
	return ok;
}

PUBLIC int lxc_config_parse_arch(const char *arch, signed long *persona)
{
	_cleanup_spec_ struct spec s;
	unsigned long p = 0;
	int r;

	spec_init(&s);
	r = lxc_key_set(&s, "lxc.arch", arch, NULL);
	if (r == 0)
		r = engine_personality(s.process.arch, &p, NULL);
	if (r < 0)
		return -EINVAL;
	*persona = (long)p;
	return 0;
}

PUBLIC bool lxc_is_valid_storage_type(const char *type)
{
	static const char *const known[] = {
		"dir", "btrfs", "loop", "lvm", "nbd", "overlay", "overlayfs", "rbd", "zfs",
	};

	for (size_t i = 0; type && i < ARRAY_SIZE(known); i++)
		if (streq(known[i], type))
			return true;
	return false;
}

/* --- what nobody but LXC's own code has a use for --------------------------------------------------------------------- */

void mod_all_rdeps(struct lxc_container *c, bool inc);
int write_id_mapping(int idtype, pid_t pid, const char *buf, size_t buf_size);
int __safe_mount_beneath_at(int beneath_fd, const char *src, const char *dst, const char *fstype, unsigned int flags,
			    const void *data);

/* The containers that C's root rests on learn of it, or that it has gone. */
PUBLIC void mod_all_rdeps(struct lxc_container *c, bool inc)
{
	_cleanup_free_ char *dir = path_join(c->config_path, c->name);

	if (dir)
		(void)depends_tell(dir, c->config_path, c->name, inc, NULL);
}

/* IDTYPE: 0 users, 1 groups. */
PUBLIC int write_id_mapping(int idtype, pid_t pid, const char *buf, size_t buf_size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%cid_map", (int)pid, idtype ? 'g' : 'u');
	return file_write_raw(AT_FDCWD, path, buf, buf_size);
}

/* Mounts on DST below BENEATH_FD, never through a link. */
PUBLIC int __safe_mount_beneath_at(int beneath_fd, const char *src, const char *dst, const char *fstype,
				   unsigned int flags, const void *data)
{
	_cleanup_close_ int mnt = -EBADF, at = inroot_open_nolinks(beneath_fd, dst, 0);

	if (at < 0)
		return at;
	mnt = flags & MS_BIND ? mount_clone(AT_FDCWD, src, flags & MS_REC, NULL)
			      : mount_new(fstype, src, data, 0, flags & MS_RDONLY, NULL);
	return mnt < 0 ? mnt : mount_attach(mnt, at, NULL);
}

struct lxc_network_info {
	const char *name;
	char template[16];
	size_t template_len;
};
extern const struct lxc_network_info lxc_network_info[];
PUBLIC const struct lxc_network_info lxc_network_info[] = {
	{ "empty", "emptXXXXXX", 10 },	 { "veth", "vethXXXXXX", 10 },
	{ "macvlan", "macvXXXXXX", 10 }, { "ipvlan", "ipvlXXXXXX", 10 },
	{ "phys", "physXXXXXX", 10 },	 { "vlan", "vlanXXXXXX", 10 },
	{ "none", "noneXXXXXX", 10 },	 { NULL, "", 0 },
};

/* Objects that its log macros refer to; with a priority of NOTSET nothing is logged through them. */
struct lxc_log_category {
	const char *name;
	int priority;
	void *appender;
	const struct lxc_log_category *parent;
};
#define CATEGORY(x)                                             \
	extern struct lxc_log_category lxc_log_category_##x;    \
	PUBLIC struct lxc_log_category lxc_log_category_##x = { \
		#x,                                             \
		LXC_LOG_NOTSET,                                 \
		NULL,                                           \
		NULL,                                           \
	}
#define LXC_LOG_NOTSET 10
CATEGORY(af_unix);
CATEGORY(apparmor);
CATEGORY(attach);
CATEGORY(btrfs);
CATEGORY(caps);
CATEGORY(cgfsng);
CATEGORY(cgroup);
CATEGORY(cgroup2_devices);
CATEGORY(cgroup_utils);
CATEGORY(commands);
CATEGORY(commands_utils);
CATEGORY(conf);
CATEGORY(confile);
CATEGORY(confile_utils);
CATEGORY(criu);
CATEGORY(dir);
CATEGORY(error);
CATEGORY(execute);
CATEGORY(freezer);
CATEGORY(idmap_utils);
CATEGORY(log);
CATEGORY(loop);
CATEGORY(lsm);
CATEGORY(lvm);
CATEGORY(lxc);
CATEGORY(lxccontainer);
CATEGORY(lxclock);
CATEGORY(mainloop);
CATEGORY(monitor);
CATEGORY(mount_utils);
CATEGORY(namespace);
CATEGORY(nbd);
CATEGORY(network);
CATEGORY(nl);
CATEGORY(overlay);
CATEGORY(parse);
CATEGORY(process_utils);
CATEGORY(rbd);
CATEGORY(rsync);
CATEGORY(seccomp);
CATEGORY(selinux);
CATEGORY(start);
CATEGORY(state);
CATEGORY(storage);
CATEGORY(storage_utils);
CATEGORY(sync);
CATEGORY(terminal);
CATEGORY(utils);
CATEGORY(zfs);
