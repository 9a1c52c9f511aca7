/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * HTTP for the registry client, over libcurl, which is loaded when it is first needed: a program that starts containers does
 * not pay for it. A request is made and waited for by the calling thread; any number of threads may share a `struct http`, which
 * keeps connections open between requests.
 *
 * Authorization goes to the host that was asked for and never to one it redirects to. Redirections of HTTPS stay HTTPS.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/strv.h"

#define HTTP_HEADERS_MAX (64u << 10)
#define HTTP_SMALL_MAX	 (4u << 20) /* of a body that is kept in memory */
#define HTTP_REDIRECTS	 10

struct http;
/* STOP (may be NULL): when it is set, what is under way ends with -ECANCELED. */
int http_new(const atomic_bool *stop, struct http **ret, struct err *e);
struct http *http_free(struct http *h);
DEFINE_CLEANUP(struct http *, http_free);

/* How a host proves itself, and we to it. */
struct http_tls {
	bool insecure;	  /* any certificate */
	char *ca_pem;	  /* further authorities, beside the system's */
	char *cert, *key; /* files */
};
void http_tls_done(struct http_tls *t);

struct http_reply;
struct http_request {
	const char *method, *url;
	const struct http_tls *tls; /* NULL: the system's authorities */
	const char *authorization;  /* NULL: none */
	const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
	const char *data;	    /* the body, or */
	bool stay;		    /* no redirection is followed: the body is a secret */
	int fd;			    /* its bytes in a file, from OFFSET; both empty: none */
	uint64_t offset, length;
	/* Gets a body that came with status 2xx, piece by piece; NULL: it is kept in the reply, as others are. */
	int (*sink)(void *arg, const struct http_reply *reply, const void *data, size_t len, struct err *e);
	void (*sent)(void *arg, uint64_t bytes); /* told how much of the body went out; may be NULL */
	void *arg;
};

struct http_reply {
	int status;
	struct strv headers; /* "name: value", of the last answer */
	struct buf body;
	char *url;	 /* where it came from at last */
	bool redirected; /* from another host than the one asked */
	bool transient;	 /* after an error: trying again may help */
	bool no_tls;	 /* the other side does not speak TLS, or nobody listens */
};
void http_reply_done(struct http_reply *r);
#define _cleanup_http_reply_ _cleanup_(http_reply_done)
/* The value, without blanks around it; NULL. */
const char *http_header(const struct http_reply *r, const char *name);

/* 0 with any status. Negative: no answer was had, or SINK said so. REPLY is for http_reply_done() either way. */
int http_do(struct http *h, const struct http_request *q, struct http_reply *reply, struct err *e);

/* BASE with what a Location header said: absolute, or relative to it. free(). */
int http_resolve(struct http *h, const char *base, const char *location, char **ret, struct err *e);
/* For a query or a path: all but unreserved characters and those of KEEP (may be NULL) is escaped. */
void http_escape(const char *s, const char *keep, struct buf *out);
/* "host:port" of a URL, lower case, without a default port. NULL: it is none. free(). */
char *http_host(const char *url);
