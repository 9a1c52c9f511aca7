/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "usernic/quota.h"

#include <ctype.h>
#include <stdio.h>

#include "base/parse.h"

#define WORDS_MAX 6

struct word {
	const char *s;
	size_t len;
};

/* Up to WORDS_MAX words of the line at TEXT; *RET_N is one more when there are more. Returns what follows the line. */
static const char *take_line(const char *text, size_t max, struct word words[static WORDS_MAX], size_t *ret_n)
{
	const char *end = text + strnlen(text, max), *nl = memchr(text, '\n', (size_t)(end - text));
	const char *stop = nl ?: end;

	*ret_n = 0;
	while (text < stop) {
		const char *from;

		while (text < stop && isspace((unsigned char)*text))
			text++;
		from = text;
		while (text < stop && !isspace((unsigned char)*text))
			text++;
		if (text == from)
			break;
		if (*ret_n < WORDS_MAX)
			words[*ret_n] = (struct word){ from, (size_t)(text - from) };
		if (++*ret_n > WORDS_MAX)
			break;
	}
	return nl ? nl + 1 : end;
}

static bool word_is(const struct word *w, const char *s)
{
	return w->len == strlen(s) && memcmp(w->s, s, w->len) == 0;
}

static bool word_copy(const struct word *w, char *to, size_t size)
{
	if (w->len >= size)
		return false;
	memcpy(to, w->s, w->len);
	to[w->len] = '\0';
	return true;
}

static bool word_u32(const struct word *w, uint32_t *ret)
{
	char text[16];

	return word_copy(w, text, sizeof(text)) && parse_u32(text, ret) == 0;
}

size_t quota_find(const char *usernet, const char *user, quota_group_fn *in_group, void *arg, const char *type,
		  const char *bridge, struct quota ret[static QUOTAS_MAX])
{
	struct word w[WORDS_MAX];
	size_t n = 0, n_words;

	for (const char *p = usernet; *p;) {
		struct quota q;
		bool group;

		p = take_line(p, SIZE_MAX / 2, w, &n_words);
		if (n_words != 4 || *w[0].s == '#' || !word_is(&w[1], type) || !word_is(&w[2], bridge) ||
		    !word_copy(&w[0], q.owner, sizeof(q.owner)) || !word_u32(&w[3], &q.allowed))
			continue;
		group = q.owner[0] == '@';
		if (group ? !in_group(arg, q.owner + 1) : !streq(q.owner, user))
			continue;
		if (!group && q.allowed == 0)
			return 0;
		if (n < QUOTAS_MAX)
			ret[n++] = q;
	}
	return n;
}

bool nic_name_ok(const char *s)
{
	if (!isalnum((unsigned char)*s) || strlen(s) > 15)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.:", *s))
			return false;
	return true;
}

static bool entry_of(const struct word w[static WORDS_MAX], size_t n, struct nic_entry *ret)
{
	uint32_t uid;

	if (n != 5 || !word_copy(&w[0], ret->owner, sizeof(ret->owner)) ||
	    !word_copy(&w[1], ret->type, sizeof(ret->type)) || !word_copy(&w[2], ret->bridge, sizeof(ret->bridge)) ||
	    !word_copy(&w[3], ret->nic, sizeof(ret->nic)) || !word_u32(&w[4], &uid) || !nic_name_ok(ret->nic))
		return false;
	ret->uid = uid;
	return true;
}

bool nic_entry_scan(const char *line, size_t len, struct nic_entry *ret)
{
	struct word w[WORDS_MAX];
	struct nic_entry got;
	size_t n;

	take_line(line, len, w, &n);
	if (!entry_of(w, n, &got))
		return false;
	*ret = got;
	return true;
}

void nic_entry_print(const struct nic_entry *n, struct buf *out)
{
	buf_printf(out, "%s %s %s %s %u\n", n->owner, n->type, n->bridge, n->nic, (unsigned)n->uid);
}

/* Calls FN for each entry; its true ends the walk. */
static bool each(const char *db, bool (*fn)(const struct nic_entry *n, void *arg), void *arg)
{
	struct word w[WORDS_MAX];
	struct nic_entry entry;
	size_t n;

	for (const char *p = db; *p;) {
		p = take_line(p, SIZE_MAX / 2, w, &n);
		if (entry_of(w, n, &entry) && fn(&entry, arg))
			return true;
	}
	return false;
}

struct filter {
	bool (*keep)(const struct nic_entry *n, void *arg);
	void *arg;
	struct buf *out;
};

static bool filter_one(const struct nic_entry *n, void *arg)
{
	struct filter *f = arg;

	if (f->keep(n, f->arg))
		nic_entry_print(n, f->out);
	return false;
}

void nic_filter(const char *db, bool (*keep)(const struct nic_entry *n, void *arg), void *arg, struct buf *out)
{
	struct filter f = { keep, arg, out };

	each(db, filter_one, &f);
}

struct count {
	const char *owner, *type, *bridge;
	uint32_t n;
};

static bool count_one(const struct nic_entry *n, void *arg)
{
	struct count *c = arg;

	c->n += streq(n->owner, c->owner) && streq(n->type, c->type) && streq(n->bridge, c->bridge);
	return false;
}

uint32_t nic_count(const char *db, const char *owner, const char *type, const char *bridge)
{
	struct count c = { owner, type, bridge, 0 };

	each(db, count_one, &c);
	return c.n;
}

struct seek {
	uid_t uid;
	const char *type, *bridge, *nic;
	struct nic_entry *ret;
};

static bool seek_one(const struct nic_entry *n, void *arg)
{
	struct seek *s = arg;

	if (n->uid != s->uid || !streq(n->type, s->type) || !streq(n->bridge, s->bridge) || !streq(n->nic, s->nic))
		return false;
	*s->ret = *n;
	return true;
}

bool nic_find(const char *db, uid_t uid, const char *type, const char *bridge, const char *nic, struct nic_entry *ret)
{
	struct seek s = { uid, type, bridge, nic, ret };

	return each(db, seek_one, &s);
}
