/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * rtnetlink: messages built and taken apart with the macros of the kernel's own headers. A library for it would be the only
 * one that every command of ours loads.
 *
 * Changes go in batches: nl_begin(), then for each request nl_msg() and its nl_put*(), then nl_commit(). A batch is one
 * sendmsg and, when all went well, one recvmsg: the kernel always reports errors, so only the last request asks for
 * its acknowledgement. Errors are sticky: the first failure is what nl_commit() returns, with the request's own words,
 * the kernel's extended message and errno. The kernel does not stop a batch at its first failure; who needs that
 * commits earlier. Nothing here allocates: a batch is plain memory, about 16 KiB, and serves after clone too.
 */

#include <linux/netlink.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "base/err.h"

/* A NETLINK_ROUTE socket in the network name space NETNS_FD, or (-EBADF) the caller's. The caller's thread never leaves
 * its own name space: a vfork-like helper sharing our fd table opens it. fd or -errno. */
int nl_open(int netns_fd, struct err *e);
/* The same for generic netlink. */
int nl_open_generic(int netns_fd, struct err *e);

#define NL_BATCH_BYTES 8192
#define NL_BATCH_OPS   64
#define NL_WHAT_MAX    112

struct nl_batch {
	int fd;
	int r;	       /* first failure, sticky */
	struct err *e; /* where it is told; may be NULL */
	uint32_t seq;  /* of ops[0] */
	unsigned n;
	size_t cur, len; /* offsets: the request just begun, the end */
	struct {
		char what[NL_WHAT_MAX]; /* "add address 10.0.3.2/24 to 'eth0'" */
		int allow;		/* this negative errno is no failure; 0: none */
	} ops[NL_BATCH_OPS];
	char data[NL_BATCH_BYTES] __attribute__((__aligned__(8)));
};

void nl_begin(struct nl_batch *b, int fd, struct err *e);

/* Starts a request with HEAD (struct ifinfomsg …). FLAGS: NLM_F_CREATE … . The rest says what it does, for the error.
 * Sends what is there already when the batch is full. */
void nl_msg(struct nl_batch *b, uint16_t type, uint16_t flags, const void *head, size_t head_len, const char *fmt, ...)
	_printf_(6, 7);
/* The request just begun may fail with NEG_ERRNO. */
void nl_allow(struct nl_batch *b, int neg_errno);

/* Attributes of the request just begun. */
void nl_put(struct nl_batch *b, uint16_t attr, const void *data, size_t len);
void nl_put_u8(struct nl_batch *b, uint16_t attr, uint8_t v);
void nl_put_u16(struct nl_batch *b, uint16_t attr, uint16_t v);
void nl_put_u32(struct nl_batch *b, uint16_t attr, uint32_t v);
void nl_put_str(struct nl_batch *b, uint16_t attr, const char *s);
struct nlattr *nl_nest(struct nl_batch *b, uint16_t attr); /* NULL only after a failure */
void nl_unnest(struct nl_batch *b, struct nlattr *nest);
/* A fixed header inside the nest just opened (VETH_INFO_PEER's ifinfomsg). */
void nl_put_head(struct nl_batch *b, const void *head, size_t head_len);

/* Sends and collects. 0, or the first failure of the batch. The batch is empty again. */
int nl_commit(struct nl_batch *b);

/* Sends the batch's one request, a question, and gives each answer to CB (non-zero return ends with that value).
 * A dump (NLM_F_DUMP in its flags) that the kernel calls interrupted ends with -EINTR: ask again. */
typedef int (*nl_answer_fn)(const struct nlmsghdr *h, void *arg, struct err *e);
int nl_query(struct nl_batch *b, nl_answer_fn cb, void *arg);

/* Fills tb[0..max] with the message's attributes behind a header of HEAD_LEN; unknown ones are left out. Lengths of
 * fixed-size ones are for the caller to check, with nl_attr_fits(). */
void nl_attrs(const struct nlmsghdr *h, size_t head_len, const struct nlattr **tb, unsigned max);
void nl_attrs_nested(const struct nlattr *nest, const struct nlattr **tb, unsigned max);
/* A's payload, when it is there and has at least LEN bytes; else NULL. */
const void *nl_attr_fits(const struct nlattr *a, size_t len);
/* A's text, when it is there and ends with NUL inside its payload; else NULL. */
const char *nl_attr_text(const struct nlattr *a);
