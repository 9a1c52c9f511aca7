/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dialect/lxc/update.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/parse.h"
#include "dialect/lxc/keys.h"

#define KEY_MAX 96 /* the longest key of old that there can be, by far */

/* One line, cut in its parts; all of them together are the line. */
struct line {
	const char *head; /* blanks and '#' */
	size_t head_len;
	const char *key;
	size_t key_len;
	const char *tail; /* from behind the key: blanks, '=', value, newline */
	size_t tail_len;
	const char *value; /* in the tail, trimmed */
	size_t value_len;
};

struct update {
	struct buf *out;
	char backend[16]; /* of lxc.rootfs.backend */
	int network;	  /* the last that was opened; -1: none */
	int n_networks;	  /* how many the file opens */
	int n_off;	  /* … and those that are commented out, which get the numbers behind */
	bool off;	  /* the last that was opened is one of the latter */
	unsigned changed;
};

/* False: it is no assignment to a key of ours, commented out or not. */
static bool cut(const char *text, size_t len, struct line *ret)
{
	struct line l = { .head = text };
	const char *end = text + len, *p = text;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '#'))
		p++;
	l.head_len = (size_t)(p - text);
	l.key = p;
	while (p < end && !isspace((unsigned char)*p) && *p != '=')
		p++;
	l.key_len = (size_t)(p - l.key);
	l.tail = p;
	l.tail_len = (size_t)(end - p);
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (l.key_len < 5 || l.key_len > KEY_MAX || strncmp(l.key, "lxc.", 4) != 0 || p == end || *p != '=')
		return false;
	for (p++; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	while (end > p && isspace((unsigned char)end[-1]))
		end--;
	l.value = p;
	l.value_len = (size_t)(end - p);
	*ret = l;
	return true;
}

static bool key_is(const struct line *l, const char *key)
{
	return l->key_len == strlen(key) && strncmp(l->key, key, l->key_len) == 0;
}

static bool commented(const struct line *l)
{
	return memchr(l->head, '#', l->head_len) != NULL;
}

/* The line under another key, with PREFIX before its value. */
static void put(struct update *u, const struct line *l, const char *key, const char *prefix)
{
	size_t to_value = (size_t)(l->value - l->tail);

	buf_add(u->out, l->head, l->head_len);
	buf_puts(u->out, key);
	buf_add(u->out, l->tail, to_value);
	buf_puts(u->out, prefix);
	buf_add(u->out, l->value, l->tail_len - to_value);
	u->changed++;
}

/* lxc.network.KEY belongs to the last lxc.network.type, lxc.network.N.KEY to interface N. */
static void put_network(struct update *u, const struct line *l)
{
	const char *sub = l->key + strlen("lxc.network"), *end = l->key + l->key_len;
	char key[3 * KEY_MAX], number[KEY_MAX + 1];
	const char *more = "";
	int at;

	if (sub < end && *sub == '.')
		sub++;
	if (sub == end) {
		/* An empty value dropped all interfaces. */
		if (!commented(l))
			u->network = -1;
		put(u, l, "lxc.net", "");
		return;
	}
	if (isdigit((unsigned char)*sub)) {
		size_t n = strspn(sub, "0123456789");

		snprintf(number, sizeof(number), "%.*s", (int)n, sub);
		sub += n;
		if (sub < end && *sub == '.')
			sub++;
	} else {
		if (end - sub == 4 && strncmp(sub, "type", 4) == 0) {
			u->off = commented(l);
			if (u->off)
				u->n_off++;
			else
				u->network++;
		}
		/* Without a type there is no interface that it could belong to; LXC refused that as well. */
		at = commented(l) && u->off ? u->n_networks + u->n_off - 1 : u->network;
		snprintf(number, sizeof(number), "%d", at < 0 ? 0 : at);
	}
	if (end - sub == 4 && (strncmp(sub, "ipv4", 4) == 0 || strncmp(sub, "ipv6", 4) == 0))
		more = ".address";
	snprintf(key, sizeof(key), "lxc.net.%s%s%.*s%s", number, sub < end ? "." : "", (int)(end - sub), sub, more);
	put(u, l, key, "");
}

/* What lies at a plain path: "dir:" unless it is, or must be, a device or an image. */
static const char *guess_type(const struct line *l)
{
	char path[4096];
	struct stat st;

	if (*l->value != '/' || l->value_len >= sizeof(path) || memchr(l->value, ':', l->value_len))
		return "";
	memcpy(path, l->value, l->value_len);
	path[l->value_len] = '\0';
	if (stat(path, &st) == 0 ? !S_ISDIR(st.st_mode) : startswith(path, "/dev/") != NULL)
		return "";
	return "dir:";
}

static void put_rootfs(struct update *u, const struct line *l)
{
	char type[sizeof(u->backend) + 1];
	size_t n;

	if (!u->backend[0] || l->value_len == 0) {
		put(u, l, "lxc.rootfs.path", l->value_len ? guess_type(l) : "");
		return;
	}
	n = (size_t)snprintf(type, sizeof(type), "%s:", u->backend);
	/* It may say its type already. */
	put(u, l, "lxc.rootfs.path", l->value_len >= n && memcmp(l->value, type, n) == 0 ? "" : type);
}

/* The row of a name that is a legacy one for another key; *RET_REST: what follows a family's name. */
static const struct lxc_key *legacy_row(const struct line *l, size_t *ret_rest)
{
	for (const struct lxc_key *k = lxc_keys; k->name; k++) {
		bool family = k->name[k->len - 1] == '.';

		if (!k->alias || strncmp(k->name, l->key, k->len < l->key_len ? k->len : l->key_len) != 0)
			continue;
		if (family ? l->key_len > k->len : l->key_len == k->len) {
			*ret_rest = k->len;
			return k;
		}
	}
	return NULL;
}

static void one_line(struct update *u, const char *text, size_t len)
{
	const struct lxc_key *k;
	struct line l;
	size_t rest;
	char key[2 * KEY_MAX + 64];

	if (!cut(text, len, &l)) {
		buf_add(u->out, text, len);
		return;
	}
	if (key_is(&l, "lxc.rootfs.backend") || key_is(&l, "lxc.kmsg") || key_is(&l, "lxc.pivotdir")) {
		/* The first is said with the path, the others mean nothing any more. */
		u->changed++;
		return;
	}
	k = legacy_row(&l, &rest);
	if (key_is(&l, "lxc.rootfs")) {
		put_rootfs(u, &l);
	} else if (key_is(&l, "lxc.network") || (l.key_len > 12 && strncmp(l.key, "lxc.network.", 12) == 0)) {
		put_network(u, &l);
	} else if (k) {
		snprintf(key, sizeof(key), "%s%.*s", k->alias, (int)(l.key_len - rest), l.key + rest);
		put(u, &l, key, "");
	} else {
		buf_add(u->out, text, len);
	}
}

static void each_line(struct update *u, const char *text, size_t len, void (*fn)(struct update *, const char *, size_t))
{
	while (len) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl ? (size_t)(nl + 1 - text) : len;

		fn(u, text, n);
		text += n;
		len -= n;
	}
}

/* The back end may stand below the path that it is for. */
static void look_ahead(struct update *u, const char *text, size_t len)
{
	struct line l;

	if (!cut(text, len, &l) || commented(&l))
		return;
	u->n_networks += key_is(&l, "lxc.network.type");
	if (key_is(&l, "lxc.rootfs.backend") && l.value_len < sizeof(u->backend))
		snprintf(u->backend, sizeof(u->backend), "%.*s", (int)l.value_len, l.value);
}

int lxc_update_text(const char *text, size_t len, struct buf *out, unsigned *ret_changed, struct err *e)
{
	struct update u = { .out = out, .network = -1 };
	int r;

	each_line(&u, text, len, look_ahead);
	each_line(&u, text, len, one_line);
	r = buf_error(out, e);
	if (r == 0)
		*ret_changed = u.changed;
	return r;
}
