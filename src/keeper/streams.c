/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Streams of a container without a terminal, Docker's log of lines, and clients that may lose nothing.
 *
 * What is read from the container is held until every client has taken it, and only then more is read: one piece at a time,
 * so that nothing is allocated. In the same way what a client types is held until the container has read it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "keeper/inner.h"
#include "runtime/keeper_proto.h"

void streams_init(struct keeper_streams *s)
{
	s->in = s->lines = s->out[0].fd = s->out[1].fd = -1;
}

void streams_done(struct keeper_streams *s)
{
	keeper_close(&s->in);
	keeper_close(&s->out[0].fd);
	keeper_close(&s->out[1].fd);
	s->out[0].used = s->out[1].used = 0;
	s->once = s->ending = s->typed_end = 0;
	s->typed_at = s->typed_len = 0;
}

/* --- the log ------------------------------------------------------------------------------------------------------------- */

static void rotate(struct keeper_streams *s)
{
	char from[sizeof(s->lines_path) + 12], to[sizeof(s->lines_path) + 12];
	int fd;

	if (s->lines_files < 2 || !*s->lines_path) {
		if (ftruncate(s->lines, 0) == 0)
			s->lines_size = 0;
		return;
	}
	for (unsigned i = s->lines_files - 1; i > 0; i--) {
		snprintf(to, sizeof(to), "%s.%u", s->lines_path, i);
		if (i > 1)
			snprintf(from, sizeof(from), "%s.%u", s->lines_path, i - 1);
		else
			snprintf(from, sizeof(from), "%s", s->lines_path);
		rename(from, to);
	}
	fd = open(s->lines_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd >= 0) {
		close(s->lines);
		s->lines = fd;
	}
	s->lines_size = 0;
}

static void flush_text(struct keeper_streams *s)
{
	if (s->text_used && s->lines_max && s->lines_size && s->lines_size + s->text_used > s->lines_max)
		rotate(s);
	keeper_write_all(s->lines, s->text, s->text_used);
	s->lines_size += s->text_used;
	s->text_used = 0;
}

static void put(struct keeper_streams *s, const char *p, size_t n)
{
	memcpy(s->text + s->text_used, p, n);
	s->text_used += n;
}

/* Length of the UTF-8 character at P, 0: it is none. */
static size_t utf8(const unsigned char *p, size_t n)
{
	size_t want = *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf5 ? 4 : 0;

	if (*p < 0x80)
		return 1;
	if (!want || want > n)
		return 0;
	for (size_t i = 1; i < want; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than need be, halves of pairs, beyond the last one. */
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) ||
	    (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return want;
}

static void put_escaped(struct keeper_streams *s, const char *text, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *p = (const unsigned char *)text, *end = p + n;

	while (p < end) {
		size_t len = utf8(p, (size_t)(end - p));
		char u[6] = { '\\', 'u', '0', '0' };

		if (!len) {
			put(s, "\\ufffd", 6);
			p++;
			continue;
		}
		if (*p == '"' || *p == '\\') {
			u[1] = (char)*p;
			put(s, u, 2);
		} else if (*p == '\n') {
			put(s, "\\n", 2);
		} else if (*p == '\r') {
			put(s, "\\r", 2);
		} else if (*p == '\t') {
			put(s, "\\t", 2);
		} else if (*p < 0x20 || *p == '<' || *p == '>' || *p == '&') {
			u[4] = hex[*p >> 4];
			u[5] = hex[*p & 15];
			put(s, u, 6);
		} else {
			put(s, (const char *)p, len);
		}
		p += len;
	}
}

/* As Go prints a time, "2024-05-01T10:00:00.123456789Z": without noughts at the end. */
static size_t now_text(char buf[static 40])
{
	struct timespec ts;
	struct tm tm;
	char frac[10];
	size_t n, digits = 9;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(buf, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(frac, sizeof(frac), "%09ld", ts.tv_nsec);
	while (digits && frac[digits - 1] == '0')
		digits--;
	if (digits) {
		buf[n++] = '.';
		memcpy(buf + n, frac, digits);
		n += digits;
	}
	buf[n++] = 'Z';
	return n;
}

static void put_line(struct keeper_streams *s, int stream, const char *p, size_t n)
{
	static const char head[] = "{\"log\":\"", out[] = "\",\"stream\":\"stdout\",\"time\":\"",
			  err[] = "\",\"stream\":\"stderr\",\"time\":\"";
	char time[40];

	if (s->text_used + 6 * n + 128 > sizeof(s->text))
		flush_text(s);
	put(s, head, sizeof(head) - 1);
	put_escaped(s, p, n);
	put(s, stream == 2 ? err : out, sizeof(out) - 1);
	put(s, time, now_text(time));
	put(s, "\"}\n", 3);
}

static void end_line(struct keeper_streams *s, int stream)
{
	struct keeper_output *o = &s->out[stream - 1];

	if (o->used && s->lines >= 0)
		put_line(s, stream, s->line[stream - 1], o->used);
	o->used = 0;
}

void streams_lines(struct keeper *k, int stream, const char *p, size_t n)
{
	struct keeper_streams *s = &k->s;
	struct keeper_output *o = &s->out[stream - 1];
	char *line = s->line[stream - 1];

	if (s->lines < 0)
		return;
	while (n) {
		const char *nl = memchr(p, '\n', n);
		size_t len = nl ? (size_t)(nl - p) + 1 : n;

		if (nl && !o->used && len <= KEEPER_LINE) {
			put_line(s, stream, p, len);
			p += len;
			n -= len;
			continue;
		}
		if (len > KEEPER_LINE - o->used)
			len = KEEPER_LINE - o->used;
		memcpy(line + o->used, p, len);
		o->used += len;
		p += len;
		n -= len;
		if (line[o->used - 1] == '\n' || o->used == KEEPER_LINE)
			end_line(s, stream);
	}
	flush_text(s);
}

/* --- to the clients ------------------------------------------------------------------------------------------------------- */

static void send_held(struct keeper *k, unsigned i)
{
	struct keeper_client *c = &k->clients[i];

	if (send(c->fd, k->s.held, k->s.held_len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
		k->s.owed &= ~(1u << i);
	} else if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
		streams_input_ended(k, c);
		keeper_drop(c);
		k->s.owed &= ~(1u << i);
	}
}

void streams_flush(struct keeper *k)
{
	for (unsigned i = 0; i < KEEPER_CLIENTS; i++) {
		if (k->s.owed & (1u << i) && k->clients[i].kind != KC_STREAMS)
			k->s.owed &= ~(1u << i);
		if (k->s.owed & (1u << i))
			send_held(k, i);
	}
}

void streams_out(struct keeper *k, int stream, const char *p, size_t n)
{
	struct keeper_req head = { .type = KR_DATA, .arg = stream };

	memcpy(k->s.held, &head, sizeof(head));
	memcpy(k->s.held + sizeof(head), p, n);
	k->s.held_len = sizeof(head) + n;
	for (unsigned i = 0; i < KEEPER_CLIENTS; i++)
		if (k->clients[i].kind == KC_STREAMS && k->clients[i].tty & (1 << stream))
			k->s.owed |= 1u << i;
	streams_flush(k);
}

int streams_held(const struct keeper *k)
{
	return k->s.owed != 0;
}

int streams_read(struct keeper *k, int i)
{
	struct keeper_output *o = &k->s.out[i];
	char buf[KEEPER_DATA_MAX];
	ssize_t n = read(o->fd, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0 && errno == EAGAIN && !k->s.ending)
		return 0;
	if (n <= 0) {
		end_line(&k->s, i + 1);
		flush_text(&k->s);
		keeper_close(&o->fd);
		return -1;
	}
	streams_lines(k, i + 1, buf, (size_t)n);
	streams_out(k, i + 1, buf, (size_t)n);
	return 1;
}

/* --- from them ------------------------------------------------------------------------------------------------------------ */

static int *input(struct keeper *k)
{
	return k->console >= 0 ? &k->console : &k->s.in;
}

int streams_full(const struct keeper *k)
{
	return k->s.typed_len > k->s.typed_at;
}

void streams_typed(struct keeper *k)
{
	struct keeper_streams *s = &k->s;

	while (s->typed_at < s->typed_len) {
		ssize_t n = write(*input(k), s->typed + s->typed_at, s->typed_len - s->typed_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			/* Nobody reads it any more. */
			if (*input(k) == s->in)
				keeper_close(&s->in);
			break;
		}
		s->typed_at += (size_t)n;
	}
	s->typed_at = s->typed_len = 0;
	if (s->typed_end)
		keeper_close(&s->in);
}

void streams_type(struct keeper *k, const struct keeper_client *c, const char *p, size_t n)
{
	if (!(c->tty & KEEPER_IN) || *input(k) < 0 || n > sizeof(k->s.typed))
		return;
	memcpy(k->s.typed, p, n);
	k->s.typed_at = 0;
	k->s.typed_len = n;
	streams_typed(k);
}

void streams_input_ended(struct keeper *k, const struct keeper_client *c)
{
	if (!(c->tty & KEEPER_IN) || !k->s.once || k->s.in < 0)
		return;
	k->s.typed_end = 1;
	if (!streams_full(k))
		keeper_close(&k->s.in);
}

void streams_attach(struct keeper *k, struct keeper_client *c, int what)
{
	int any = k->console >= 0 || k->s.in >= 0 || k->s.out[0].fd >= 0 || k->s.out[1].fd >= 0;

	if (!any || c->kind == KC_TTY) {
		keeper_reply(c, -ENODEV, 0, -1);
		return;
	}
	c->kind = KC_STREAMS;
	c->tty = what & (KEEPER_IN | KEEPER_OUT | KEEPER_ERR | KEEPER_ENDS);
	keeper_reply(c, 0, k->console >= 0, -1);
}

/* --- what the runtime says ----------------------------------------------------------------------------------------------- */

static int take_streams(struct keeper *k, const struct keeper_msg *m, const int *fds, unsigned n)
{
	unsigned want = 0, at = 0;

	for (unsigned bit = KEEPER_IN; bit <= KEEPER_ERR; bit <<= 1)
		want += (m->flags & bit) != 0;
	if (n != want)
		return -EPROTO;
	streams_done(&k->s);
	for (unsigned i = 0; i < n; i++)
		fcntl(fds[i], F_SETFL, fcntl(fds[i], F_GETFL) | O_NONBLOCK);
	if (m->flags & KEEPER_IN)
		k->s.in = fds[at++];
	if (m->flags & KEEPER_OUT)
		k->s.out[0].fd = fds[at++];
	if (m->flags & KEEPER_ERR)
		k->s.out[1].fd = fds[at++];
	k->s.once = (m->flags & KEEPER_ONCE) != 0;
	return 0;
}

static int take_lines(struct keeper *k, const struct keeper_msg *m, int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	struct keeper_streams *s = &k->s;

	keeper_close(&s->lines);
	s->lines = fd;
	s->lines_size = end > 0 ? (uint64_t)end : 0;
	s->lines_max = m->max;
	s->lines_files = m->n < 1000 ? m->n : 1000;
	memcpy(s->lines_path, m->path, sizeof(s->lines_path));
	s->lines_path[sizeof(s->lines_path) - 1] = '\0';
	return 0;
}

int streams_take(struct keeper *k, const struct keeper_msg *m, const int *fds, unsigned n)
{
	if (m->type == KM_STREAMS)
		return take_streams(k, m, fds, n);
	if (n != 1)
		return -EPROTO;
	if (m->type == KM_LINES)
		return take_lines(k, m, fds[0]);
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		if (k->clients[i].kind == KC_NONE) {
			fcntl(fds[0], F_SETFL, fcntl(fds[0], F_GETFL) | O_NONBLOCK);
			k->clients[i] = (struct keeper_client){ .fd = fds[0], .kind = KC_STREAMS };
			streams_attach(k, &k->clients[i], (int)m->flags);
			return 0;
		}
	keeper_refuse(fds[0]);
	return 0;
}

/* --- the end --------------------------------------------------------------------------------------------------------------- */

void streams_ended(struct keeper *k)
{
	struct keeper_streams *s = &k->s;

	s->ending = 1;
	for (int i = 0; i < 2; i++)
		for (int n = 0; n < KEEPER_DRAIN && s->out[i].fd >= 0 && !streams_held(k) && streams_read(k, i) > 0;
		     n++)
			;
	if (streams_held(k) || s->out[0].fd >= 0 || s->out[1].fd >= 0)
		return;
	/* A terminal's last line, too. */
	end_line(s, 1);
	flush_text(s);
	keeper_close(&s->in);
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		if (k->clients[i].kind == KC_STREAMS && !(k->clients[i].tty & KEEPER_ENDS))
			keeper_drop(&k->clients[i]);
}

int streams_hand_over(struct keeper *k, struct keeper_client *c)
{
	struct keeper_ended m = { { .type = KR_ENDED, .arg = k->init_status }, getpid() };

	/* Output that somebody is still to get: the helper does not wait for that. */
	if (streams_held(k) || k->s.out[0].fd >= 0 || k->s.out[1].fd >= 0)
		return 0;
	return send(c->fd, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}
