/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/dbus.h"
#include "cgroup/driver.h"

enum { CALL_MS = 25000, MESSAGE_MAX = 1 << 20, HEAD = 16 };

/* 'l' for little, 'B' for big endian: both ends are on this machine. */
#define ORDER (__BYTE_ORDER == __LITTLE_ENDIAN ? 'l' : 'B')

/* Codes of the header's fields. */
enum { F_PATH = 1, F_INTERFACE = 2, F_MEMBER = 3, F_ERROR = 4, F_REPLY_TO = 5, F_DESTINATION = 6, F_SIGNATURE = 8 };

/* --- writing --------------------------------------------------------------------------------------------------------- */

static void align(struct buf *b, size_t to)
{
	while (!b->error && b->len % to != 0)
		buf_putc(b, '\0');
}

static void put_byte(struct buf *b, uint8_t v)
{
	buf_add(b, &v, 1);
}

void dbus_put_u32(struct buf *b, uint32_t v)
{
	align(b, 4);
	buf_add(b, &v, sizeof(v));
}

void dbus_put_u64(struct buf *b, uint64_t v)
{
	align(b, 8);
	buf_add(b, &v, sizeof(v));
}

void dbus_put_string(struct buf *b, const char *s)
{
	dbus_put_u32(b, (uint32_t)strlen(s));
	buf_add(b, s, strlen(s) + 1);
}

void dbus_put_signature(struct buf *b, const char *s)
{
	put_byte(b, (uint8_t)strlen(s));
	buf_add(b, s, strlen(s) + 1);
}

void dbus_put_struct(struct buf *b)
{
	align(b, 8);
}

size_t dbus_open_array(struct buf *b, size_t to)
{
	size_t at;

	dbus_put_u32(b, 0);
	at = b->len - 4;
	align(b, to);
	return at;
}

void dbus_close_array(struct buf *b, size_t array, size_t to)
{
	size_t start = (array + 4 + to - 1) / to * to;
	uint32_t len;

	if (b->error)
		return;
	/* What aligns the first element is not counted. */
	len = (uint32_t)(b->len - start);
	memcpy(b->data + array, &len, sizeof(len));
}

static void put_field(struct buf *b, uint8_t code, const char *type, const char *value)
{
	if (!value)
		return;
	dbus_put_struct(b);
	put_byte(b, code);
	dbus_put_signature(b, type);
	if (*type == 'g')
		dbus_put_signature(b, value);
	else
		dbus_put_string(b, value);
}

static void put_head(struct buf *b, const struct dbus_call *c, uint32_t serial, size_t body)
{
	size_t fields;

	buf_add(b, (char[]){ ORDER, DBUS_CALL, 0, 1 }, 4);
	dbus_put_u32(b, (uint32_t)body);
	dbus_put_u32(b, serial);
	fields = dbus_open_array(b, 8);
	put_field(b, F_PATH, "o", c->path);
	put_field(b, F_INTERFACE, "s", c->interface);
	put_field(b, F_MEMBER, "s", c->member);
	put_field(b, F_DESTINATION, "s", c->to);
	put_field(b, F_SIGNATURE, "g", c->signature);
	dbus_close_array(b, fields, 8);
	align(b, 8);
}

static int send_all(int fd, const char *data, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, -errno, "send over D-Bus");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static int get(struct dbus_message *m, size_t to, size_t len, const char **ret)
{
	size_t at = (m->pos + to - 1) / to * to;

	if (at > m->len || m->len - at < len)
		return -EBADMSG;
	*ret = m->body + at;
	m->pos = at + len;
	return 0;
}

int dbus_get_u32(struct dbus_message *m, uint32_t *ret)
{
	const char *p;
	int r = get(m, 4, 4, &p);

	if (r == 0)
		memcpy(ret, p, 4);
	return r;
}

static int get_text(struct dbus_message *m, size_t len, const char **ret)
{
	const char *s;
	int r = len < m->len ? get(m, 1, len + 1, &s) : -EBADMSG;

	if (r == 0 && (s[len] || strlen(s) != len))
		r = -EBADMSG;
	if (r == 0)
		*ret = s;
	return r;
}

int dbus_get_string(struct dbus_message *m, const char **ret)
{
	uint32_t len;
	int r = dbus_get_u32(m, &len);

	return r == 0 ? get_text(m, len, ret) : r;
}

int dbus_get_signature(struct dbus_message *m, const char **ret)
{
	const char *p;
	int r = get(m, 1, 1, &p);

	return r == 0 ? get_text(m, (uint8_t)*p, ret) : r;
}

/* One field of the header, which reads like a body that begins where the header does. */
static int get_field(struct dbus_message *head, struct dbus_message *m)
{
	const char *code, *type, *text = "";
	uint32_t number = 0;
	int r = get(head, 8, 1, &code);

	if (r == 0)
		r = dbus_get_signature(head, &type);
	if (r < 0)
		return r;
	if (streq(type, "u"))
		r = dbus_get_u32(head, &number);
	else if (streq(type, "s") || streq(type, "o"))
		r = dbus_get_string(head, &text);
	else if (streq(type, "g"))
		r = dbus_get_signature(head, &text);
	else
		r = -EBADMSG;
	switch (r == 0 ? *code : 0) {
	case F_INTERFACE:
		m->interface = text;
		break;
	case F_MEMBER:
		m->member = text;
		break;
	case F_ERROR:
		m->error = text;
		break;
	case F_SIGNATURE:
		m->signature = text;
		break;
	case F_REPLY_TO:
		m->reply_to = number;
		break;
	default:
		break;
	}
	return r;
}

/* The message at the start of DATA: its length, 0 when there is more to come, -EBADMSG. */
static ssize_t parse(const char *data, size_t len, struct dbus_message *ret)
{
	struct dbus_message head = { .body = data, .len = HEAD, .pos = HEAD }, m = { 0 };
	uint32_t body, fields;
	size_t start;

	if (len < HEAD)
		return 0;
	memcpy(&body, data + 4, 4);
	memcpy(&fields, data + 12, 4);
	if (data[0] != ORDER || data[3] != 1 || body > MESSAGE_MAX || fields > MESSAGE_MAX)
		return -EBADMSG;
	start = (HEAD + (size_t)fields + 7) / 8 * 8;
	if (len < start + body)
		return 0;
	m.type = (enum dbus_type)data[1];
	m.interface = m.member = m.error = m.signature = "";
	head.len = HEAD + fields;
	while (head.pos < head.len)
		if (get_field(&head, &m) < 0)
			return -EBADMSG;
	m.body = data + start;
	m.len = body;
	*ret = m;
	return (ssize_t)(start + body);
}

/* More bytes into the buffer. */
static int fill(struct dbus *d, int64_t until, struct err *e)
{
	struct pollfd p = { .fd = d->fd, .events = POLLIN };
	char bytes[4096];
	ssize_t n;

	for (;;) {
		int64_t left = until - cg_now_ms();
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (r == 0)
			return err_kind(e, ERR_STATE, -ETIMEDOUT, "no answer over D-Bus");
		if (r < 0 && errno == EINTR)
			continue;
		n = recv(d->fd, bytes, sizeof(bytes), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, n < 0 ? -errno : -ECONNRESET, "receive over D-Bus");
		buf_add(&d->in, bytes, (size_t)n);
		return buf_error(&d->in, e);
	}
}

static void drop_used(struct dbus *d)
{
	if (d->used == 0)
		return;
	memmove(d->in.data, d->in.data + d->used, d->in.len - d->used);
	d->in.len -= d->used;
	d->used = 0;
}

int dbus_receive(struct dbus *d, int64_t until, struct dbus_message *ret, struct err *e)
{
	ssize_t n;
	int r;

	drop_used(d);
	while ((n = d->in.len ? parse(d->in.data, d->in.len, ret) : 0) == 0) {
		r = fill(d, until, e);
		if (r < 0)
			return r;
	}
	if (n < 0)
		return err_kind(e, ERR_SYSTEM, -EBADMSG, "what came over D-Bus is no message");
	d->used = (size_t)n;
	if (ret->type == DBUS_SIGNAL && d->signal)
		d->signal(d->arg, ret);
	return 0;
}

/* --- calls ----------------------------------------------------------------------------------------------------------- */

static int error_reply(struct dbus_message *m, char *ret_name, size_t size, struct err *e)
{
	bool denied = strstr(m->error, "AccessDenied") || strstr(m->error, "AuthorizationRequired");
	const char *words = m->error;

	if (ret_name)
		snprintf(ret_name, size, "%s", m->error);
	if (*m->signature == 's' && dbus_get_string(m, &words) < 0)
		words = m->error;
	return denied ? err_kind(e, ERR_DENIED, -EACCES, "%.400s", words)
		      : err_kind(e, ERR_SYSTEM, -EIO, "%.400s", words);
}

int dbus_call(struct dbus *d, const struct dbus_call *c, const struct buf *body, struct dbus_message *ret,
	      char *ret_name, size_t size, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct dbus_message m;
	int64_t until = cg_now_ms() + CALL_MS;
	int r = body ? buf_error(body, e) : 0;

	if (ret_name)
		*ret_name = '\0';
	if (r < 0)
		return r;
	put_head(&out, c, ++d->serial, body ? body->len : 0);
	if (body && body->len)
		buf_add(&out, body->data, body->len);
	r = buf_error(&out, e);
	if (r == 0)
		r = send_all(d->fd, out.data, out.len, e);
	while (r == 0) {
		r = dbus_receive(d, until, &m, e);
		if (r < 0 || m.reply_to != d->serial)
			continue;
		if (m.type == DBUS_ERROR)
			return error_reply(&m, ret_name, size, e);
		if (m.type == DBUS_REPLY) {
			if (ret)
				*ret = m;
			return 0;
		}
	}
	return r;
}

/* --- connections ----------------------------------------------------------------------------------------------------- */

/* One line of the greeting, without its end. */
static int get_line(struct dbus *d, char *line, size_t size, struct err *e)
{
	int64_t until = cg_now_ms() + CALL_MS;
	char *end;
	int r;

	while (!d->in.len || !(end = memmem(d->in.data, d->in.len, "\r\n", 2))) {
		r = d->in.len < size ? fill(d, until, e)
				     : err_kind(e, ERR_SYSTEM, -EBADMSG, "no D-Bus is spoken there");
		if (r < 0)
			return r;
	}
	snprintf(line, size, "%.*s", (int)(end - d->in.data), d->in.data);
	d->used = (size_t)(end - d->in.data) + 2;
	drop_used(d);
	return 0;
}

/*
 * Who we are is what the kernel says of our end: no name of ours, which may be another one in a user name space.
 *
 * All of it at once, BEGIN too, and no message before the answer: systemd, when it reads a message together with BEGIN,
 * leaves it lying until more comes.
 */
static int greet(struct dbus *d, struct err *e)
{
	static const char greeting[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	char line[256] = "";
	int r = send_all(d->fd, greeting, sizeof(greeting) - 1, e);

	if (r == 0)
		r = get_line(d, line, sizeof(line), e);
	if (r == 0 && strncmp(line, "DATA", 4) == 0)
		r = get_line(d, line, sizeof(line), e);
	if (r == 0 && strncmp(line, "OK", 2) != 0)
		r = err_kind(e, ERR_DENIED, -EACCES, "D-Bus does not let us in: %s", line);
	return r;
}

int dbus_open(struct dbus *d, const char *socket_name, bool bus, struct err *e)
{
	static const struct dbus_call hello = {
		.to = "org.freedesktop.DBus",
		.path = "/org/freedesktop/DBus",
		.interface = "org.freedesktop.DBus",
		.member = "Hello",
	};
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = strlen(socket_name);
	int r = 0;

	if (len >= sizeof(sa.sun_path))
		return err_set(e, -ENAMETOOLONG, "D-Bus socket %s", socket_name);
	memcpy(sa.sun_path, socket_name, len);
	if (*socket_name == '@')
		sa.sun_path[0] = '\0';
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return err_set(e, -errno, "make a socket for D-Bus");
	if (connect(d->fd, (struct sockaddr *)&sa,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (*socket_name != '@'))) < 0)
		r = err_set(e, -errno, "connect to %s", socket_name);
	if (r == 0)
		r = greet(d, e);
	if (r == 0 && bus)
		r = dbus_call(d, &hello, NULL, NULL, NULL, 0, e);
	if (r < 0)
		dbus_close(d);
	return r;
}

void dbus_close(struct dbus *d)
{
	fd_close(d->fd);
	d->fd = -EBADF;
	buf_done(&d->in);
	d->used = 0;
}
