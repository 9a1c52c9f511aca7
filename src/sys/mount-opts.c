/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "sys/mount.h"
#include "sys/syscalls.h"

enum opt_kind {
	OPT_NONE,   /* accepted, says nothing */
	OPT_ATTR,   /* sets VALUE in the mount's attributes */
	OPT_CLEAR,  /* clears it */
	OPT_ATIME,  /* one of the atime modes */
	OPT_RATTR,  /* the same three for the whole tree */
	OPT_RCLEAR, /* … */
	OPT_RATIME, /* … */
	OPT_PROP,   /* propagation */
	OPT_RPROP,  /* … of the whole tree */
	OPT_FLAG,   /* a bool of struct mount_opts, VALUE is its offset */
	OPT_CREATE, /* create=dir, create=file */
	OPT_IDMAP,  /* idmap=… */
};

struct opt {
	const char *name;
	enum opt_kind kind;
	uint64_t value;
};

#define FLAG(f) OPT_FLAG, offsetof(struct mount_opts, f)

static const struct opt opts[] = {
	{ "defaults", OPT_NONE, 0 },
	{ "ro", OPT_ATTR, MOUNT_ATTR_RDONLY },
	{ "rw", OPT_CLEAR, MOUNT_ATTR_RDONLY },
	{ "nosuid", OPT_ATTR, MOUNT_ATTR_NOSUID },
	{ "suid", OPT_CLEAR, MOUNT_ATTR_NOSUID },
	{ "nodev", OPT_ATTR, MOUNT_ATTR_NODEV },
	{ "dev", OPT_CLEAR, MOUNT_ATTR_NODEV },
	{ "noexec", OPT_ATTR, MOUNT_ATTR_NOEXEC },
	{ "exec", OPT_CLEAR, MOUNT_ATTR_NOEXEC },
	{ "nosymfollow", OPT_ATTR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "symfollow", OPT_CLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "nodiratime", OPT_ATTR, MOUNT_ATTR_NODIRATIME },
	{ "diratime", OPT_CLEAR, MOUNT_ATTR_NODIRATIME },
	{ "relatime", OPT_ATIME, MOUNT_ATTR_RELATIME },
	{ "noatime", OPT_ATIME, MOUNT_ATTR_NOATIME },
	{ "strictatime", OPT_ATIME, MOUNT_ATTR_STRICTATIME },
	{ "norelatime", OPT_ATIME, MOUNT_ATTR_STRICTATIME },
	{ "nostrictatime", OPT_ATIME, MOUNT_ATTR_RELATIME },
	{ "atime", OPT_ATIME, MOUNT_ATTR_RELATIME },
	{ "rro", OPT_RATTR, MOUNT_ATTR_RDONLY },
	{ "rrw", OPT_RCLEAR, MOUNT_ATTR_RDONLY },
	{ "rnosuid", OPT_RATTR, MOUNT_ATTR_NOSUID },
	{ "rsuid", OPT_RCLEAR, MOUNT_ATTR_NOSUID },
	{ "rnodev", OPT_RATTR, MOUNT_ATTR_NODEV },
	{ "rdev", OPT_RCLEAR, MOUNT_ATTR_NODEV },
	{ "rnoexec", OPT_RATTR, MOUNT_ATTR_NOEXEC },
	{ "rexec", OPT_RCLEAR, MOUNT_ATTR_NOEXEC },
	{ "rnosymfollow", OPT_RATTR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rsymfollow", OPT_RCLEAR, MOUNT_ATTR_NOSYMFOLLOW },
	{ "rnodiratime", OPT_RATTR, MOUNT_ATTR_NODIRATIME },
	{ "rdiratime", OPT_RCLEAR, MOUNT_ATTR_NODIRATIME },
	{ "rrelatime", OPT_RATIME, MOUNT_ATTR_RELATIME },
	{ "rnoatime", OPT_RATIME, MOUNT_ATTR_NOATIME },
	{ "rstrictatime", OPT_RATIME, MOUNT_ATTR_STRICTATIME },
	{ "rnorelatime", OPT_RATIME, MOUNT_ATTR_STRICTATIME },
	{ "rnostrictatime", OPT_RATIME, MOUNT_ATTR_RELATIME },
	{ "ratime", OPT_RATIME, MOUNT_ATTR_RELATIME },
	{ "private", OPT_PROP, MS_PRIVATE },
	{ "slave", OPT_PROP, MS_SLAVE },
	{ "shared", OPT_PROP, MS_SHARED },
	{ "unbindable", OPT_PROP, MS_UNBINDABLE },
	{ "rprivate", OPT_RPROP, MS_PRIVATE },
	{ "rslave", OPT_RPROP, MS_SLAVE },
	{ "rshared", OPT_RPROP, MS_SHARED },
	{ "runbindable", OPT_RPROP, MS_UNBINDABLE },
	{ "bind", FLAG(bind) },
	{ "rbind", FLAG(rbind) },
	{ "remount", FLAG(remount) },
	{ "move", FLAG(move) },
	{ "optional", FLAG(optional) },
	{ "relative", FLAG(relative) },
	{ "create=dir", OPT_CREATE, offsetof(struct mount_opts, create_dir) },
	{ "create=file", OPT_CREATE, offsetof(struct mount_opts, create_file) },
	{ "idmap=", OPT_IDMAP, 0 },
	{ "idmap", FLAG(idmap_own) },
	{ "ridmap", FLAG(ridmap_own) },
	{ "tmpcopyup", FLAG(tmpcopyup) },
	/* Words of fstab for other readers of the same line. */
	{ "auto", OPT_NONE, 0 },
	{ "noauto", OPT_NONE, 0 },
	{ "user", OPT_NONE, 0 },
	{ "nouser", OPT_NONE, 0 },
	{ "users", OPT_NONE, 0 },
	{ "group", OPT_NONE, 0 },
	{ "nofail", OPT_NONE, 0 },
	{ "_netdev", OPT_NONE, 0 },
	{ "loud", OPT_NONE, 0 },
	{ "silent", OPT_NONE, 0 },
};

const char *mount_opt_name(unsigned i)
{
	return i < ARRAY_SIZE(opts) ? opts[i].name : NULL;
}

/* Of VALUE, the last option said wins. */
static void set_attr(uint64_t *set, uint64_t *clr, uint64_t value)
{
	*set |= value;
	*clr &= ~value;
}

/* The kernel wants the whole atime field cleared before a mode is set; RELATIME is 0. */
static void set_atime(uint64_t *set, uint64_t *clr, uint64_t value)
{
	*clr |= MOUNT_ATTR__ATIME;
	*set = (*set & ~(uint64_t)MOUNT_ATTR__ATIME) | value;
}

static void apply(struct mount_opts *m, const struct opt *o)
{
	switch (o->kind) {
	case OPT_ATTR:
		set_attr(&m->attr_set, &m->attr_clr, o->value);
		break;
	case OPT_CLEAR:
		set_attr(&m->attr_clr, &m->attr_set, o->value);
		break;
	case OPT_ATIME:
		set_atime(&m->attr_set, &m->attr_clr, o->value);
		break;
	case OPT_RATTR:
		set_attr(&m->rattr_set, &m->rattr_clr, o->value);
		m->recursive_attr = true;
		break;
	case OPT_RCLEAR:
		set_attr(&m->rattr_clr, &m->rattr_set, o->value);
		m->recursive_attr = true;
		break;
	case OPT_RATIME:
		set_atime(&m->rattr_set, &m->rattr_clr, o->value);
		m->recursive_attr = true;
		break;
	case OPT_PROP:
	case OPT_RPROP:
		m->propagation = o->value;
		m->propagation_rec = o->kind == OPT_RPROP;
		break;
	case OPT_CREATE:
		m->create_dir = m->create_file = false;
		*(bool *)((char *)m + o->value) = true;
		break;
	case OPT_FLAG:
		*(bool *)((char *)m + o->value) = true;
		break;
	case OPT_NONE:
	case OPT_IDMAP:
		break;
	}
	if (o->value == MOUNT_ATTR_RDONLY && (o->kind == OPT_ATTR || o->kind == OPT_CLEAR))
		m->fs_ro = o->kind == OPT_ATTR;
}

static int add_data(struct mount_opts *m, size_t *at, const char *word, size_t len, struct err *e)
{
	if (*at + len + 2 > sizeof(m->data))
		return err_kind(e, ERR_LIMIT, -E2BIG, "mount options are longer than %zu bytes", sizeof(m->data));
	if (*at)
		m->data[(*at)++] = ',';
	memcpy(m->data + *at, word, len);
	*at += len;
	m->data[*at] = '\0';
	return 0;
}

static int set_idmap(struct mount_opts *m, const char *word, size_t len, struct err *e)
{
	if (len == 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "idmap= needs \"container\" or a path");
	if (len >= sizeof(m->idmap))
		return err_kind(e, ERR_LIMIT, -E2BIG, "idmap=%.*s: longer than %zu bytes", (int)len, word,
				sizeof(m->idmap));
	memcpy(m->idmap, word, len);
	m->idmap[len] = '\0';
	return 0;
}

static int add_word(struct mount_opts *m, size_t *at, const char *word, size_t len, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(opts); i++) {
		size_t n = strlen(opts[i].name);

		if (opts[i].kind == OPT_IDMAP) {
			if (len >= n && memcmp(word, opts[i].name, n) == 0)
				return set_idmap(m, word + n, len - n, e);
		} else if (len == n && memcmp(word, opts[i].name, n) == 0) {
			apply(m, &opts[i]);
			return 0;
		}
	}
	if (len >= 7 && memcmp(word, "create=", 7) == 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "%.*s: expected create=dir or create=file", (int)len, word);
	return add_data(m, at, word, len, e);
}

size_t mount_opt_len(const char *s)
{
	bool quoted = false;
	size_t i;

	for (i = 0; s[i] && (quoted || s[i] != ','); i++) {
		if (s[i] == '"')
			quoted = !quoted;
		else if (s[i] == '\\' && s[i + 1])
			i++;
	}
	return i;
}

int mount_opts_parse(const char *options, struct mount_opts *ret, struct err *e)
{
	struct mount_opts m = { 0 };
	size_t at = 0;

	for (const char *p = options ?: ""; *p;) {
		size_t len = mount_opt_len(p);
		int r = len ? add_word(&m, &at, p, len, e) : 0;

		if (r < 0)
			return r;
		p += len;
		if (*p)
			p++;
	}
	if (m.bind + m.rbind + m.move > 1 && !(m.bind && m.rbind && !m.move))
		return err_kind(e, ERR_INVALID, -EINVAL, "mount options '%s': bind and move exclude each other",
				options);
	*ret = m;
	return 0;
}
