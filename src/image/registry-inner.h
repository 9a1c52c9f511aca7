/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inner: what the files of the registry client share. A registry is a list of endpoints: its mirrors, then itself. */

#include <pthread.h>
#include <time.h>

#include "image/auth.h"
#include "image/registry.h"
#include "image/transfer.h"

#define ENDPOINTS_MAX 16u
#define TOKENS_MAX    32u

/* What lets us in for one scope. */
struct grant {
	char *scope, *header;
	time_t until; /* CLOCK_MONOTONIC seconds */
};

struct endpoint {
	char *host;   /* "host[:port]", as certificates and credentials are kept */
	char *prefix; /* before every repository's name: "" or "path/" */
	char *base;   /* "https://host[:port]"; NULL until an insecure one was asked what it speaks */
	bool insecure, mirror;
	atomic_bool alive; /* has answered once: an error in connecting may pass */
	struct http_tls tls;
	pthread_mutex_t lock; /* of all below, and of base; held while a token is fetched, so that one thread does */
	struct credential credential;
	bool has_credential, basic, offline;
	struct grant grants[TOKENS_MAX];
	unsigned n_grants;
};

struct registry_hosts {
	struct strv insecure; /* as in registry_opts */
	struct strv mirrors;  /* "DOMAIN=URL" */
};

struct registry {
	char *domain;
	struct http *http;
	struct endpoint endpoints[ENDPOINTS_MAX];
	unsigned n_endpoints; /* the last is the registry itself */
	unsigned retries;
	struct registry_hosts hosts;
	atomic_bool stop;
};

static inline struct endpoint *registry_self(struct registry *r)
{
	return &r->endpoints[r->n_endpoints - 1];
}

/* --- registry-hosts.c --- */

void registry_hosts_done(struct registry_hosts *h);
int registry_hosts_parse(const char *text, size_t len, struct registry_hosts *ret, struct err *e);
/* FILE NULL: the host's, which may be missing. */
int registry_hosts_load(const char *file, struct registry_hosts *ret, struct err *e);

/* --- auth-token.c ----------------------------------------------------------------------------------------------------------------- */

/* What we have for SCOPE already; NULL: nothing. free(). */
char *endpoint_grant(struct endpoint *ep, const char *scope);
/* After a 401 whose request had USED (may be NULL) as Authorization: another one (free()), or NULL when there is nothing
 * better. Errors are those of the token server. */
int endpoint_answer(struct registry *r, struct endpoint *ep, const char *scope, const struct http_reply *reply,
		    const char *used, char **ret, struct err *e);

/* --- registry.c -------------------------------------------------------------------------------------------------------------------- */

int registry_open_as(const char *domain, const struct registry_opts *o, const struct credential *c,
		     struct registry **ret, struct err *e);
/* "repository:PATH:pull" or ":pull,push" as EP names it, and FROM (may be NULL) to pull. */
int endpoint_scope(const struct endpoint *ep, const char *path, bool push, const char *from, struct buf *out,
		   struct err *e);
/* "https://host/v2/PREFIX+PATH/" + REST; asks the endpoint what it speaks where that is not known. free(). */
int endpoint_url(struct registry *r, struct endpoint *ep, const char *path, struct buf *out, struct err *e);
/* One attempt, with log-in. */
int endpoint_try(struct registry *r, struct endpoint *ep, const char *scope, const struct http_request *q,
		 struct http_reply *reply, struct err *e);
/* With retries, for what has no body to take up again. 0 with any status. */
int endpoint_call(struct registry *r, struct endpoint *ep, const char *scope, const struct http_request *q,
		  struct http_reply *reply, struct err *e);
/* Whether another attempt may help; RC is what the last came to. */
bool reply_may_pass(const struct endpoint *ep, const struct http_reply *reply, int rc);
/* Waits before the next attempt: -ECANCELED when stopped, -EBUSY when the registry wants us to wait for too long. */
int registry_pause(struct registry *r, unsigned attempt, const struct http_reply *reply, struct err *e);
/* An error from a status that was not wanted: what the registry said in its body. */
int reply_error(const struct http_reply *reply, const char *what, struct err *e);
/* GET or HEAD at each endpoint in turn until one has it: 200. REPLY is its. ERR as of the last. */
int registry_get(struct registry *r, const char *method, const char *path, const char *rest, const char *const *headers,
		 struct http_reply *reply, struct err *e);
/* Of a list in pages: REST and the query of Link: </v2/…?n=…&last=…>; rel="next". false: there is no next page. */
bool reply_next_page(const struct http_reply *reply, const char *rest, char out[static 512]);
/* By name of a manifest: 1 and its digest, or 0 where the registry does not say. */
int registry_head(struct registry *r, const char *path, const char *ref, char ret_digest[static DIGEST_MAX],
		  struct err *e);

/* --- registry-blob.c --------------------------------------------------------------------------------------------------------------- */

/* Who wants to know how far a download is. BEGUN may come again, after a beginning from scratch; both may be NULL. */
struct fetch_watch {
	void (*begun)(void *arg, struct blob_writer *w, bool again);
	void (*moved)(void *arg, uint64_t bytes);
	void *arg;
};
int registry_fetch_watched(struct registry *r, const char *path, const struct descriptor *d, struct blobs *b,
			   const struct fetch_watch *watch, struct err *e);

/* --- registry-layers.c ------------------------------------------------------------------------------------------------------------- */

/* The layers of M into S: fetched several at once, unpacked in their order while they come. */
int registry_pull_layers(struct registry *r, struct images *s, const char *path, const struct manifest *m,
			 const struct image_config *config, unsigned parallel, const struct progress *p, struct err *e);
/* Calls FN for 0 … N-1 from PARALLEL threads; the first error stops R, and is returned. */
int registry_each(struct registry *r, size_t n, unsigned parallel, int (*fn)(void *arg, size_t i, struct err *e),
		  void *arg, struct err *e);
/* Progress that several threads may tell. */
struct told {
	struct progress progress; /* to be given to them */
	const struct progress *to;
	pthread_mutex_t lock;
};
void told_init(struct told *t, const struct progress *to);
void told_done(struct told *t);
/* "sha256:0123456789abcdef…" → its first 12 digits. */
#define SHORT_ID 13
const char *short_id(const char *digest, char buf[static SHORT_ID]);
