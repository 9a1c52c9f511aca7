/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/passwd.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "base/parse.h"
#include "sys/inroot.h"

/* (uid_t)-1 means "leave it" to the kernel. */
#define ID_MAX	   (UINT32_MAX - 1)
#define FIELDS_MAX 7

/* A piece of somebody else's text: no NUL at its end. */
struct span {
	const char *s;
	size_t len;
};

struct line {
	struct span field[FIELDS_MAX];
	unsigned n;
};

static bool span_is(struct span a, const char *s)
{
	return a.len == strlen(s) && memcmp(a.s, s, a.len) == 0;
}

static bool is_digits(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return len > 0;
}

/* A number as a file has it. False: it is none, or out of range; the line then says nothing. */
static bool span_id(struct span a, uint32_t *ret)
{
	char buf[16];
	uint32_t v;

	if (!is_digits(a.s, a.len) || a.len >= sizeof(buf))
		return false;
	memcpy(buf, a.s, a.len);
	buf[a.len] = '\0';
	if (parse_u32(buf, &v) < 0 || v > ID_MAX)
		return false;
	*ret = v;
	return true;
}

/* Next line of a file into its fields. The last takes the rest, further colons included. False at the end. */
static bool next_line(struct span *text, struct line *ret, unsigned max)
{
	const char *end = memchr(text->s, '\n', text->len);
	size_t len = end ? (size_t)(end - text->s) : text->len;
	struct span rest = { text->s, len };

	if (!text->len)
		return false;
	text->s += end ? len + 1 : len;
	text->len -= end ? len + 1 : len;
	ret->n = 0;
	/* Comments, NIS lines, and what could read differently in another's eyes. */
	if (!len || *rest.s == '#' || *rest.s == '+' || *rest.s == '-' || *rest.s == ':' || memchr(rest.s, '\0', len))
		return true;
	for (;;) {
		const char *colon = ret->n + 1 < max ? memchr(rest.s, ':', rest.len) : NULL;
		size_t n = colon ? (size_t)(colon - rest.s) : rest.len;

		ret->field[ret->n++] = (struct span){ rest.s, n };
		if (!colon)
			return true;
		rest.s += n + 1;
		rest.len -= n + 1;
	}
}

static bool copy_path(char *to, size_t size, struct span from)
{
	if (!from.len || from.len >= size || *from.s != '/')
		return false;
	memcpy(to, from.s, from.len);
	to[from.len] = '\0';
	return true;
}

/* name:password:uid:gid:gecos:home:shell. 1 when NAME, or else UID, is there. */
static int find_user(struct span text, const char *name, struct passwd_user *u)
{
	struct line l;

	while (next_line(&text, &l, 7)) {
		uint32_t uid, gid;

		if (l.n < 4 || l.field[0].len >= sizeof(u->name) || !span_id(l.field[2], &uid) ||
		    !span_id(l.field[3], &gid))
			continue;
		if (name ? !span_is(l.field[0], name) : uid != u->uid)
			continue;
		u->uid = uid;
		u->gid = gid;
		memcpy(u->name, l.field[0].s, l.field[0].len);
		u->name[l.field[0].len] = '\0';
		if (l.n > 5)
			copy_path(u->home, sizeof(u->home), l.field[5]);
		if (l.n > 6)
			copy_path(u->shell, sizeof(u->shell), l.field[6]);
		return 1;
	}
	return 0;
}

/* name:password:gid:member,member */
static int find_group(struct span text, const char *name, gid_t *ret)
{
	struct line l;

	while (next_line(&text, &l, 4)) {
		uint32_t gid;

		if (l.n >= 3 && span_is(l.field[0], name) && span_id(l.field[2], &gid)) {
			*ret = gid;
			return 1;
		}
	}
	return 0;
}

static bool has_member(struct span members, const char *name)
{
	while (members.len) {
		const char *comma = memchr(members.s, ',', members.len);
		size_t n = comma ? (size_t)(comma - members.s) : members.len;

		if (span_is((struct span){ members.s, n }, name))
			return true;
		members.s += comma ? n + 1 : n;
		members.len -= comma ? n + 1 : n;
	}
	return false;
}

static bool has_group(const struct passwd_user *u, gid_t gid)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return true;
	return false;
}

static int add_member_groups(struct span text, struct passwd_user *u, struct err *e)
{
	struct line l;

	while (u->name[0] && next_line(&text, &l, 4)) {
		uint32_t gid;

		if (l.n < 4 || !span_id(l.field[2], &gid) || !has_member(l.field[3], u->name) || has_group(u, gid))
			continue;
		if (u->n_groups == PASSWD_GROUPS_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "user %s is in more than %d groups", u->name,
					PASSWD_GROUPS_MAX);
		u->groups[u->n_groups++] = gid;
	}
	return 0;
}

static int parse_id(const char *s, const char *what, uint32_t *ret, struct err *e)
{
	uint32_t v;

	if (parse_u32(s, &v) < 0 || v > ID_MAX)
		return err_kind(e, ERR_INVALID, -ERANGE, "%s %s is out of range: expected 0 to %u", what, s, ID_MAX);
	*ret = v;
	return 0;
}

static int resolve_user(struct span passwd, const char *user, struct passwd_user *u, struct err *e)
{
	int r;

	if (is_digits(user, strlen(user)) || !*user) {
		r = *user ? parse_id(user, "uid", &u->uid, e) : 0;
		if (r == 0)
			find_user(passwd, NULL, u);
		return r;
	}
	if (find_user(passwd, user, u))
		return 0;
	return err_kind(e, ERR_NOT_FOUND, -ENOENT, "no user '%s' in the container's /etc/passwd", user);
}

static int resolve_group(struct span groups, const char *group, struct passwd_user *u, struct err *e)
{
	if (is_digits(group, strlen(group)))
		return parse_id(group, "gid", &u->gid, e);
	if (find_group(groups, group, &u->gid))
		return 0;
	return err_kind(e, ERR_NOT_FOUND, -ENOENT, "no group '%s' in the container's /etc/group", group);
}

int passwd_find_text(const char *passwd, size_t passwd_len, const char *group, size_t group_len, const char *spec,
		     struct passwd_user *ret, struct err *e)
{
	struct span p = { passwd, passwd_len }, g = { group, group_len };
	_cleanup_free_ struct passwd_user *u = calloc(1, sizeof(*u));
	_cleanup_free_ char *user = strdup(spec ?: "");
	char *colon;
	int r;

	if (!u || !user)
		return err_oom(e);
	memcpy(u->home, "/", 2);
	memcpy(u->shell, "/bin/sh", 8);
	colon = strchr(user, ':');
	if (colon)
		*colon++ = '\0';
	if (strlen(user) >= sizeof(u->name) || (colon && (!*colon || strchr(colon, ':'))))
		return err_kind(e, ERR_INVALID, -EINVAL, "user '%.64s': expected USER, USER:GROUP or numbers", spec);
	r = resolve_user(p, user, u, e);
	if (r == 0 && colon)
		r = resolve_group(g, colon, u, e);
	if (r < 0)
		return r;
	u->groups[u->n_groups++] = u->gid;
	r = colon ? 0 : add_member_groups(g, u, e);
	if (r < 0)
		return r;
	*ret = *u;
	return 0;
}

/* A container without the file has no users; that is no error. */
static int read_optional(int root_fd, const char *path, char **ret, size_t *ret_len, struct err *e)
{
	int r = inroot_read_file(root_fd, path, PASSWD_FILE_MAX, ret, ret_len, e);

	if (r != -ENOENT && r != -ENOTDIR)
		return r;
	err_clear(e);
	return 0;
}

int passwd_find(int root_fd, const char *spec, struct passwd_user *ret, struct err *e)
{
	_cleanup_free_ char *passwd = NULL, *group = NULL;
	size_t passwd_len = 0, group_len = 0;
	int r;

	r = read_optional(root_fd, "/etc/passwd", &passwd, &passwd_len, e);
	if (r == 0)
		r = read_optional(root_fd, "/etc/group", &group, &group_len, e);
	if (r < 0)
		return r;
	return passwd_find_text(passwd ?: "", passwd_len, group ?: "", group_len, spec, ret, e);
}

/* --- on the child side ---------------------------------------------------------------------------------------------- */

void passwd_home(int fd, uid_t uid, char *buf, size_t size)
{
	static const char key[] = "HOME=";
	char data[4096];
	size_t have = 0, total = 0;
	bool skip = false; /* the rest of a line that did not fit */

	memcpy(buf, key, sizeof(key));
	while (fd >= 0 && total < PASSWD_FILE_MAX) {
		ssize_t n = read(fd, data + have, sizeof(data) - have);
		struct span text;
		size_t used = 0;

		if (n <= 0 && !have)
			break;
		have += n > 0 ? (size_t)n : 0;
		total += n > 0 ? (size_t)n : 0;
		for (;;) {
			const char *end = memchr(data + used, '\n', have - used);
			struct line l;
			uint32_t id;

			if (!end && n > 0)
				break;
			text = (struct span){ data + used, end ? (size_t)(end - data) - used : have - used };
			used = end ? (size_t)(end - data) + 1 : have;
			if (!skip && next_line(&text, &l, FIELDS_MAX) && l.n > 5 && span_id(l.field[2], &id) &&
			    id == uid && copy_path(buf + sizeof(key) - 1, size - sizeof(key) + 1, l.field[5]))
				return;
			skip = false;
			if (!end)
				break;
		}
		if (n <= 0)
			break;
		have -= used;
		memmove(data, data + used, have);
		if (have == sizeof(data)) {
			skip = true;
			have = 0;
		}
	}
	memcpy(buf + sizeof(key) - 1, "/", 2);
}
