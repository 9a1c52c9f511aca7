/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/parse.h"
#include "net/driver.h"
#include "usernic/usernic.h"

#define LINE_WORDS 8

struct words {
	char text[512];
	char *v[LINE_WORDS];
	size_t n;
};

/* Splits the line at *POS, which moves behind it. False at the end of the text. A line that is too long, or has a word too
 * many, has no words: half of one could say something else. */
static bool next_line(const char **pos, struct words *w)
{
	size_t len = strcspn(*pos, "\n");
	const char *line = *pos;
	char *save = NULL;

	w->n = 0;
	if (!*line)
		return false;
	*pos += len + (line[len] == '\n');
	line += strspn(line, " \t\r");
	len = (size_t)(*pos - line) - ((*pos)[-1] == '\n');
	if ((ssize_t)len <= 0 || len >= sizeof(w->text) || *line == '#')
		return true;
	memcpy(w->text, line, len);
	w->text[len] = '\0';
	for (char *p = strtok_r(w->text, " \t\r", &save); p; p = strtok_r(NULL, " \t\r", &save)) {
		if (w->n == LINE_WORDS) {
			w->n = 0;
			return true;
		}
		w->v[w->n++] = p;
	}
	return true;
}

static bool set_word(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	if (n >= size)
		return false;
	memcpy(to, from, n + 1);
	return true;
}

size_t allot_find(const char *text, const char *user, bool (*is_member)(void *arg, const char *group), void *arg,
		  const char *type, const char *bridge, struct allot ret[static USERNIC_ALLOT_MAX])
{
	struct words w;
	size_t n = 0;

	while (n < USERNIC_ALLOT_MAX && next_line(&text, &w)) {
		uint32_t count;

		if (w.n != 4 || !streq(w.v[1], type) || !streq(w.v[2], bridge) || parse_u32(w.v[3], &count) < 0)
			continue;
		if (*w.v[0] == '@' ? !w.v[0][1] || !is_member(arg, w.v[0] + 1) : !streq(w.v[0], user))
			continue;
		if (!set_word(ret[n].who, sizeof(ret[n].who), w.v[0]))
			continue;
		/* Who is given none by name has none by his groups either. */
		if (*w.v[0] != '@' && !count)
			return 0;
		ret[n++].n = count;
	}
	return n;
}

bool nic_next(const char **pos, struct nic *ret)
{
	struct words w;

	while (next_line(pos, &w)) {
		struct nic n = { .has_mac = w.n == 6 };

		if (w.n != 4 && w.n != 6)
			continue;
		if (!set_word(n.who, sizeof(n.who), w.v[0]) || !set_word(n.type, sizeof(n.type), w.v[1]) ||
		    !set_word(n.bridge, sizeof(n.bridge), w.v[2]) || !set_word(n.name, sizeof(n.name), w.v[3]) ||
		    !set_word(n.user, sizeof(n.user), n.has_mac ? w.v[4] : w.v[0]))
			continue;
		if (n.has_mac && net_mac_parse(w.v[5], n.mac) < 0)
			continue;
		*ret = n;
		return true;
	}
	return false;
}

void nic_print(const struct nic *n, struct buf *out)
{
	const uint8_t *m = n->mac;

	buf_printf(out, "%s %s %s %s", n->who, n->type, n->bridge, n->name);
	if (n->has_mac)
		buf_printf(out, " %s %02x:%02x:%02x:%02x:%02x:%02x", n->user, m[0], m[1], m[2], m[3], m[4], m[5]);
	buf_putc(out, '\n');
}

int allot_pick(const struct allot *a, size_t n, const char *db, const char *type, const char *bridge)
{
	for (size_t i = 0; i < n; i++) {
		const char *pos = db;
		uint32_t used = 0;
		struct nic nic;

		while (nic_next(&pos, &nic))
			used += streq(nic.who, a[i].who) && streq(nic.type, type) && streq(nic.bridge, bridge);
		if (used < a[i].n)
			return (int)i;
	}
	return -1;
}

bool nic_name_ok(const char *s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";
	size_t n = strlen(s);

	return n > 0 && n < 16 && s[strspn(s, letters)] == '\0' && !strchr("-.", *s);
}

bool nic_is(const struct nic *n, const char *user, const char *type, const char *bridge, const char *name)
{
	return streq(n->user, user) && streq(n->type, type) && streq(n->bridge, bridge) && streq(n->name, name);
}
