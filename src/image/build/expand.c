/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An instruction with the values of its variables, at the moment it is executed. */
#include <stdio.h>
#include <strings.h>

#include "base/names.h"
#include "base/parse.h"
#include "image/build/dockerfile.h"
#include "image/build/words.h"

/* *TEXT, where there is one. */
static int expand(const struct words *w, struct pool *p, const char **text, struct err *e)
{
	_cleanup_free_ char *value = NULL;
	int r;

	if (!*text || !**text)
		return 0;
	r = words_expand(w, *text, &value, e);
	if (r < 0)
		return r;
	*text = pool_str(p, value);
	return 0;
}

static int expand_list(const struct words *w, struct pool *p, struct texts *l, struct err *e)
{
	struct texts out = { 0 };
	int r = 0;

	for (size_t i = 0; i < l->n && r >= 0; i++) {
		const char *text = l->v[i];

		r = expand(w, p, &text, e);
		pool_add(p, &out, text);
	}
	*l = out;
	return r;
}

/* Ports: one word may become several. */
static int expand_words(const struct words *w, struct pool *p, struct texts *l, struct err *e)
{
	struct texts out = { 0 };

	for (size_t i = 0; i < l->n; i++) {
		_cleanup_strv_ struct strv words = STRV_INIT;
		int r = words_split(w, l->v[i], &words, e);

		if (r < 0)
			return r;
		for (size_t j = 0; j < words.n; j++)
			pool_add(p, &out, pool_str(p, words.v[j]));
	}
	*l = out;
	return 0;
}

static int expand_pairs(const struct words *w, struct pool *p, struct df_pair **pairs, struct err *e)
{
	struct df_pair *out = NULL, **end = &out;
	int r = 0;

	for (const struct df_pair *in = *pairs; in && r >= 0; in = in->next) {
		struct df_pair *copy = pool_alloc(p, sizeof(*copy));

		if (!copy)
			return err_oom(e);
		*copy = *in;
		copy->next = NULL;
		r = expand(w, p, &copy->name, e);
		if (r >= 0)
			r = expand(w, p, &copy->value, e);
		*end = copy;
		end = &copy->next;
	}
	*pairs = out;
	return r;
}

static int expand_files(const struct words *w, struct pool *p, struct df_heredoc **files, struct err *e)
{
	struct words body = *w;
	struct df_heredoc *out = NULL, **end = &out;
	int r = 0;

	body.no_quotes = true;
	for (const struct df_heredoc *in = *files; in && r >= 0; in = in->next) {
		struct df_heredoc *copy = pool_alloc(p, sizeof(*copy));

		if (!copy)
			return err_oom(e);
		*copy = *in;
		copy->next = NULL;
		if (in->expand)
			r = expand(&body, p, &copy->content, e);
		*end = copy;
		end = &copy->next;
	}
	*files = out;
	return r;
}

static int expand_copy(const struct words *w, struct pool *p, struct df_instr *in, struct err *e)
{
	int r = expand_list(w, p, &in->args, e);

	if (r >= 0)
		r = expand(w, p, &in->dest, e);
	if (r >= 0)
		r = expand(w, p, &in->chown, e);
	if (r >= 0)
		r = expand(w, p, &in->chmod, e);
	if (r >= 0)
		r = expand(w, p, &in->checksum, e);
	if (r >= 0)
		r = expand_list(w, p, &in->excludes, e);
	return r < 0 ? r : expand_files(w, p, &in->files, e);
}

int instr_expand(const struct df_instr *in, const struct words *w, struct pool *p, struct df_instr *ret, struct err *e)
{
	int r = 0;

	*ret = *in;
	switch (in->kind) {
	case DF_ADD:
	case DF_COPY:
		r = expand_copy(w, p, ret, e);
		break;
	case DF_ARG:
	case DF_ENV:
	case DF_LABEL:
		r = expand_pairs(w, p, &ret->pairs, e);
		break;
	case DF_EXPOSE:
		r = expand_words(w, p, &ret->args, e);
		break;
	case DF_STOPSIGNAL:
	case DF_USER:
	case DF_VOLUME:
	case DF_WORKDIR:
		r = expand_list(w, p, &ret->args, e);
		break;
	default:
		break;
	}
	return r < 0 ? r : pool_error(p, e);
}

/* --- RUN --mount ---------------------------------------------------------------------------------------------------------- */

enum key { TYPE, FROM, SOURCE, TARGET, READONLY, READWRITE, REQUIRED, SIZE, ID, SHARING, MODE, UID, GID, ENV };

static const struct name keys[] = {
	{ "type", TYPE },
	{ "from", FROM },
	{ "source", SOURCE },
	{ "src", SOURCE },
	{ "target", TARGET },
	{ "dst", TARGET },
	{ "destination", TARGET },
	{ "readonly", READONLY },
	{ "ro", READONLY },
	{ "readwrite", READWRITE },
	{ "rw", READWRITE },
	{ "required", REQUIRED },
	{ "size", SIZE },
	{ "id", ID },
	{ "sharing", SHARING },
	{ "mode", MODE },
	{ "uid", UID },
	{ "gid", GID },
	{ "env", ENV },
	{ NULL, 0 },
};
static const struct name types[] = {
	{ "bind", DF_MOUNT_BIND },     { "cache", DF_MOUNT_CACHE }, { "tmpfs", DF_MOUNT_TMPFS },
	{ "secret", DF_MOUNT_SECRET }, { "ssh", DF_MOUNT_SSH },	    { NULL, 0 },
};
static const struct name sharings[] = {
	{ "shared", DF_SHARED },
	{ "private", DF_PRIVATE },
	{ "locked", DF_LOCKED },
	{ NULL, 0 },
};

struct mount_state {
	struct df_mount *m;
	bool ro_said, sharing_said;
};

static int bad_value(const char *key, const char *value, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "invalid value for %s: %.60s", key, value);
}

static int wrong_key(const char *key, const struct df_mount *m, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "unexpected key '%s' for mount type '%s'", key,
			name_of(types, m->type));
}

/* As Go's ParseBool. */
static bool parse_bool(const char *s, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		if (streq(s, yes[i]) || streq(s, no[i])) {
			*ret = streq(s, yes[i]);
			return true;
		}
	return false;
}

static int set_named(const char *what, const struct name *table, const char *value, int *ret, struct err *e)
{
	const struct name *n = NULL, *all = table;

	for (; table->name && !n; table++)
		if (strcasecmp(table->name, value) == 0)
			n = table;
	if (!n) {
		const char *known[8];
		const char *near;
		size_t k = 0;

		for (; k < ARRAY_SIZE(known) && all[k].name; k++)
			known[k] = all[k].name;
		near = nearest(value, known, k);
		return err_kind(e, ERR_INVALID, -EINVAL, "unsupported %s \"%.60s\"%s%s%s", what, value,
				near ? " (did you mean " : "", near ?: "", near ? "?)" : "");
	}
	*ret = (int)n->value;
	return 0;
}

static int set_number(const char *key, const char *value, bool octal, int64_t *ret, struct err *e)
{
	uint32_t n;

	if ((octal ? parse_octal(value, &n) : parse_u32(value, &n)) < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid value %.60s for %s", value, key);
	*ret = n;
	return 0;
}

static int set_flag(struct mount_state *s, enum key k, const char *key, const char *value, struct err *e)
{
	bool on;

	if (!parse_bool(value, &on))
		return bad_value(key, value, e);
	if (k == REQUIRED) {
		if (s->m->type != DF_MOUNT_SECRET && s->m->type != DF_MOUNT_SSH)
			return wrong_key(key, s->m, e);
		s->m->required = on;
		return 0;
	}
	s->m->readonly = k == READONLY ? on : !on;
	s->ro_said = true;
	return 0;
}

static int set_key(struct mount_state *s, enum key k, const char *key, const char *value, struct err *e)
{
	struct df_mount *m = s->m;
	int n = 0, r;

	switch (k) {
	case TYPE:
		r = set_named("mount type", types, value, &n, e);
		m->type = (enum df_mount_type)n;
		return r;
	case SHARING:
		r = set_named("sharing value", sharings, value, &n, e);
		m->sharing = (enum df_sharing)n;
		s->sharing_said = true;
		return r;
	case FROM:
		m->from = value;
		return 0;
	case SOURCE:
		m->source = value;
		return 0;
	case TARGET:
		m->target = value;
		return 0;
	case ID:
		m->id = value;
		return 0;
	case ENV:
		m->env = value;
		m->has_env = true;
		return 0;
	case SIZE:
		if (m->type != DF_MOUNT_TMPFS)
			return wrong_key(key, m, e);
		return parse_size(value, &m->size) < 0 ? bad_value(key, value, e) : 0;
	case MODE:
		return set_number(key, value, true, &m->mode, e);
	case UID:
		return set_number(key, value, false, &m->uid, e);
	case GID:
		return set_number(key, value, false, &m->gid, e);
	case READONLY:
	case READWRITE:
	case REQUIRED:
		return set_flag(s, k, key, value, e);
	}
	return 0;
}

static int field(struct mount_state *s, const char *text, const struct words *w, struct pool *p, struct err *e)
{
	const char *sign = strchr(text, '='), *key = sign ? pool_strn(p, text, (size_t)(sign - text)) : text;
	const char *value = sign ? sign + 1 : "true";
	const struct name *k = NULL;
	int r;

	for (const struct name *n = keys; n->name && !k; n++)
		if (strcasecmp(n->name, key) == 0)
			k = n;
	if (!k) {
		const char *known[ARRAY_SIZE(keys)];
		const char *near;
		size_t n = 0;

		for (; keys[n].name; n++)
			known[n] = keys[n].name;
		near = nearest(key, known, n);
		return err_kind(e, ERR_INVALID, -EINVAL, "unexpected key '%.60s' in '%.100s'%s%s%s", key, text,
				near ? " (did you mean " : "", near ?: "", near ? "?)" : "");
	}
	if (!sign && k->value != READONLY && k->value != READWRITE && k->value != REQUIRED)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid field '%.60s' must be a key=value pair", text);
	if (k->value == FROM && strchr(value, '$'))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"'from' doesn't support variable expansion, define alias stage instead");
	/* Before it is executed, what a variable will say is unknown. */
	if (!w && strchr(value, '$'))
		return k->value == TYPE ? 1 : 0;
	r = w ? expand(w, p, &value, e) : 0;
	return r < 0 ? r : set_key(s, (enum key)k->value, k->name, value, e);
}

static int check_mount(const struct mount_state *s, struct err *e)
{
	const struct df_mount *m = s->m;
	bool owned = m->type == DF_MOUNT_SECRET || m->type == DF_MOUNT_SSH || m->type == DF_MOUNT_CACHE;
	const char *type = name_of(types, m->type);

	if (!owned && (m->mode >= 0 || m->uid >= 0 || m->gid >= 0))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s not allowed for \"%s\" type mounts",
				m->mode >= 0  ? "mode"
				: m->uid >= 0 ? "uid"
					      : "gid",
				type);
	if (s->sharing_said && m->type != DF_MOUNT_CACHE)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid cache sharing set for %s mount", type);
	if (m->type == DF_MOUNT_SECRET && m->from)
		return err_kind(e, ERR_INVALID, -EINVAL, "secret mount should not have a from");
	if (m->type == DF_MOUNT_SECRET && !m->source && !m->target && !m->id)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid secret mount. one of source, target required");
	if (m->type == DF_MOUNT_SECRET && m->source && m->id)
		return err_kind(e, ERR_INVALID, -EINVAL, "both source and id can't be set");
	if (!m->target && m->type != DF_MOUNT_SECRET && m->type != DF_MOUNT_SSH)
		return err_kind(e, ERR_INVALID, -EINVAL, "a %s mount needs a target", type);
	return 0;
}

/* One field of a line of comma separated values, "…" around it where it has a comma itself. */
static const char *next_field(struct pool *p, const char **text, struct err *e)
{
	const char *s = *text, *end;
	char *out, *to;

	if (*s != '"') {
		end = strchrnul(s, ',');
		*text = *end ? end + 1 : end;
		return pool_strn(p, s, (size_t)(end - s));
	}
	out = to = pool_alloc(p, strlen(s) + 1);
	if (!out)
		return NULL;
	for (s++; *s; s++) {
		if (*s == '"' && s[1] == '"')
			s++;
		else if (*s == '"')
			break;
		*to++ = *s;
	}
	if (*s != '"' || (s[1] && s[1] != ',')) {
		err_kind(e, ERR_INVALID, -EINVAL, "failed to parse csv mounts: a quote is not closed");
		return NULL;
	}
	*text = s[1] ? s + 2 : s + 1;
	return out;
}

int mount_parse(const char *text, const struct words *w, struct pool *p, struct df_mount *ret, struct err *e)
{
	struct mount_state s = { .m = ret };
	bool open = false;
	int r = 0;

	*ret = (struct df_mount){ .mode = -1, .uid = -1, .gid = -1 };
	if (!*text)
		return err_kind(e, ERR_INVALID, -EINVAL, "a mount without any key");
	/* The type first: what the others mean depends on it. */
	for (int pass = 0; pass < 2; pass++)
		for (const char *at = text; *at && r >= 0;) {
			const char *one = next_field(p, &at, e);

			if (!one)
				return p->failed ? err_oom(e) : -EINVAL;
			if ((strncasecmp(one, "type=", 5) == 0) != (pass == 0))
				continue;
			r = field(&s, one, w, p, e);
			open = open || r > 0;
		}
	if (r < 0)
		return r;
	if (!s.ro_said)
		ret->readonly = ret->type != DF_MOUNT_CACHE && ret->type != DF_MOUNT_TMPFS;
	return open || (!w && strchr(text, '$')) ? 0 : check_mount(&s, e);
}
