/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <time.h>

#include "base/parse.h"
#include "image/build/inner.h"

void state_init(struct state *s)
{
	*s = (struct state){ 0 };
	image_config_init(&s->config);
}

static void descriptor_free(struct descriptor *d)
{
	free(d->media_type);
	platform_done(&d->platform);
	strv_done(&d->annotations);
}

void state_done(struct state *s)
{
	image_config_done(&s->config);
	strv_done(&s->args);
	strv_done(&s->keys);
	for (size_t i = 0; i < s->n_layers; i++)
		descriptor_free(&s->layers[i]);
	free(s->layers);
	*s = (struct state){ 0 };
}

static int push_layer(struct state *s, const char *media_type, const char *digest, uint64_t size, struct err *e)
{
	struct descriptor *more = reallocarray(s->layers, s->n_layers + 1, sizeof(*more));

	if (!more)
		return err_oom(e);
	s->layers = more;
	more += s->n_layers;
	*more = (struct descriptor){ .media_type = strdup(media_type), .size = size };
	if (!more->media_type)
		return err_oom(e);
	snprintf(more->digest, sizeof(more->digest), "%s", digest);
	s->n_layers++;
	return 0;
}

/* Records: a letter, the length, the text. It never leaves the machine, or this build. */
static void put(struct buf *out, char tag, const char *text, size_t len)
{
	uint32_t n = (uint32_t)len;

	buf_putc(out, tag);
	buf_add(out, &n, sizeof(n));
	buf_add(out, text, len);
}

static void put_text(struct buf *out, char tag, const char *text)
{
	put(out, tag, text, strlen(text));
}

int state_write(const struct state *s, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf config = BUF_INIT;
	char number[32];
	int r = image_config_write(&s->config, &config, e);

	if (r < 0)
		return r;
	put(out, 'c', buf_str(&config), config.len);
	put_text(out, 'n', s->chain);
	put_text(out, 'i', s->id);
	put_text(out, 'p', s->parent);
	put_text(out, 's', s->cmd_set ? "1" : "");
	snprintf(number, sizeof(number), "%zu", s->n_base);
	put_text(out, 'b', number);
	for (size_t i = 0; i < s->args.n; i++)
		put_text(out, 'a', s->args.v[i]);
	for (size_t i = 0; i < s->keys.n; i++)
		put_text(out, 'k', s->keys.v[i]);
	for (size_t i = 0; i < s->n_layers; i++) {
		snprintf(number, sizeof(number), "%llu", (unsigned long long)s->layers[i].size);
		put_text(out, 't', s->layers[i].media_type);
		put_text(out, 'z', number);
		put_text(out, 'l', s->layers[i].digest);
	}
	return buf_error(out, e);
}

/* One record. */
static int take(struct state *s, char tag, const char *text, char *type, uint64_t *size, struct err *e)
{
	uint64_t n;

	switch (tag) {
	case 'c':
		return image_config_parse(text, strlen(text), &s->config, e);
	case 'n':
		snprintf(s->chain, sizeof(s->chain), "%s", text);
		return 0;
	case 'i':
		snprintf(s->id, sizeof(s->id), "%s", text);
		return 0;
	case 'p':
		snprintf(s->parent, sizeof(s->parent), "%s", text);
		return 0;
	case 's':
		s->cmd_set = *text;
		return 0;
	case 'b':
		s->n_base = parse_u64(text, &n) < 0 ? 0 : (size_t)n;
		return 0;
	case 'a':
		return strv_push(&s->args, text, e);
	case 'k':
		return strv_push(&s->keys, text, e);
	case 't':
		snprintf(type, 128, "%s", text);
		return 0;
	case 'z':
		return parse_u64(text, size);
	case 'l':
		return push_layer(s, type, text, *size, e);
	default:
		return -EPROTO;
	}
}

int state_read(struct state *s, const char *text, size_t len, struct err *e)
{
	const char *end = text + len;
	char type[128] = "";
	uint64_t size = 0;
	int r = len ? 0 : -EPROTO;

	state_init(s);
	while (text < end && r >= 0) {
		_cleanup_free_ char *one = NULL;
		char tag = *text++;
		uint32_t n;

		if ((size_t)(end - text) < sizeof(n))
			return err_kind(e, ERR_SYSTEM, -EPROTO, "a stage ended without its result");
		memcpy(&n, text, sizeof(n));
		text += sizeof(n);
		if (n > (size_t)(end - text))
			return err_kind(e, ERR_SYSTEM, -EPROTO, "a stage ended without its result");
		one = strndup(text, n);
		if (!one)
			return err_oom(e);
		text += n;
		r = take(s, tag, one, type, &size, e);
	}
	return r == -EPROTO ? err_kind(e, ERR_SYSTEM, r, "a stage ended without its result") : r;
}

int state_copy(struct state *to, const struct state *from, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = state_write(from, &text, e);

	return r < 0 ? r : state_read(to, buf_str(&text), text.len, e);
}

int state_seal(struct state *s, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = image_config_write(&s->config, &text, e);

	if (r >= 0)
		digest_of(buf_str(&text), text.len, s->id);
	return r;
}

int state_add_layer(struct state *s, struct descriptor *d, const char *diff, struct err *e)
{
	int r = push_layer(s, d->media_type ?: MT_OCI_LAYER_GZ, d->digest, d->size, e);
	char before[DIGEST_MAX];

	if (r >= 0)
		r = strv_push(&s->config.diff_ids, diff, e);
	snprintf(before, sizeof(before), "%s", s->chain);
	chain_id(*before ? before : NULL, diff, s->chain);
	descriptor_free(d);
	return r;
}

char *build_time(const struct build_opts *o)
{
	struct timespec now = { .tv_sec = o->epoch };
	struct tm tm;
	char *text = NULL;

	if (o->epoch < 0)
		clock_gettime(CLOCK_REALTIME, &now);
	if (!gmtime_r(&now.tv_sec, &tm))
		return NULL;
	if (o->epoch < 0) {
		if (asprintf(&text, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", tm.tm_year + 1900, tm.tm_mon + 1,
			     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec) < 0)
			text = NULL;
	} else if (asprintf(&text, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			    tm.tm_hour, tm.tm_min, tm.tm_sec) < 0) {
		text = NULL;
	}
	return text;
}
