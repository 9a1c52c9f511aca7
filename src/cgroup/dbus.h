/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * As much of D-Bus as a few calls of systemd's manager need: a stream socket, messages in this machine's byte order, no
 * fds. By hand, because the library for it would have to be linked dynamically, and that costs each start of any
 * container more than these lines do. Inside src/cgroup only.
 *
 *	dbus_open(), a body written into a struct buf by dbus_put_x(), dbus_call(), the reply read by dbus_get_x(), …,
 *	dbus_close().
 *
 * Signals that come in the meantime go to dbus.signal.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum dbus_type { DBUS_CALL = 1, DBUS_REPLY = 2, DBUS_ERROR = 3, DBUS_SIGNAL = 4 };

/* Points into the connection's buffer: good until the next message is received. */
struct dbus_message {
	enum dbus_type type;
	uint32_t reply_to;
	const char *interface, *member, *error, *signature; /* "" where there is none */
	const char *body;
	size_t len, pos; /* pos: how far it has been read */
};

struct dbus {
	int fd;
	uint32_t serial;
	struct buf in;
	size_t used; /* of in: by the message that is being looked at */
	void (*signal)(void *arg, struct dbus_message *m);
	void *arg;
};

/* SOCKET: a path, or an abstract name behind an '@'. A BUS wants a greeting, a service's own socket does not. */
int dbus_open(struct dbus *d, const char *socket, bool bus, struct err *e);
void dbus_close(struct dbus *d);

/* Values of a body; alignment is theirs. */
void dbus_put_u32(struct buf *b, uint32_t v); /* also b (0 or 1) and i */
void dbus_put_u64(struct buf *b, uint64_t v); /* also x and d (its bits) */
void dbus_put_string(struct buf *b, const char *s);
void dbus_put_signature(struct buf *b, const char *s); /* of the variant that follows */
void dbus_put_struct(struct buf *b);		       /* before a struct's first value */
/* An array of elements that are aligned to ALIGN (8: structs, u64; 4: strings, u32; 1: bytes): what close needs. */
size_t dbus_open_array(struct buf *b, size_t align);
void dbus_close_array(struct buf *b, size_t array, size_t align);

/* 0 or -EBADMSG. Strings stay in the message. */
int dbus_get_u32(struct dbus_message *m, uint32_t *ret);
int dbus_get_string(struct dbus_message *m, const char **ret); /* also o */
int dbus_get_signature(struct dbus_message *m, const char **ret);

struct dbus_call {
	const char *to, *path, *interface, *member, *signature; /* signature: NULL without a body */
};

/*
 * Calls and waits for the reply, up to 25 seconds. *RET (may be NULL) is the reply. An error reply is a negative errno,
 * -EACCES where it says so, with the service's own words as message, and its name in RET_NAME (may be NULL).
 */
int dbus_call(struct dbus *d, const struct dbus_call *c, const struct buf *body, struct dbus_message *ret,
	      char *ret_name, size_t size, struct err *e);
/* Waits for what comes next, until UNTIL (cg_now_ms()); signals are handled here, too. -ETIMEDOUT. */
int dbus_receive(struct dbus *d, int64_t until, struct dbus_message *ret, struct err *e);
