/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the registry. */

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "api/registry/server.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/strv.h"
#include "image/blobs.h"
#include "image/db.h"
#include "image/manifest.h"

#define REG_NAME_MAX	 255
#define REG_MANIFEST_MAX (4u << 20)
#define REG_PAGE_MAX	 1000

struct auth;
struct uploads;

struct registry_server {
	struct registry_server_opts o;
	struct blobs *blobs;
	struct db *db;
	pthread_mutex_t db_lock; /* a data base handle is one thread's at a time */
	/* Content that is in place and not linked yet is nobody's: who links holds it for reading, who collects for writing. */
	pthread_rwlock_t gc_lock;
	struct auth *auth;
	struct uploads *uploads;
	struct MHD_Daemon *http;
	atomic_uint requests; /* that are not answered to the end */
	int lock_fd;
	unsigned port;
	char *tls_cert, *tls_key;
	pthread_t gc_thread;
	bool gc_running, ending;
	pthread_mutex_t end_lock;
	pthread_cond_t end_cond;
};

/* --- store.c: rows ---------------------------------------------------------------------------------------------------- */

int store_open(struct registry_server *s, struct err *e);
void store_lock(struct registry_server *s);
void store_unlock(struct registry_server *s);

/* 1, 0, or -errno. All take the lock. */
int store_has_repo(struct registry_server *s, const char *repo, struct err *e);
int store_has_blob(struct registry_server *s, const char *repo, const char *digest, struct err *e);
/* In any repository. */
/* As a manifest of REPO says. 1, 0. */
int store_part_size(struct registry_server *s, const char *repo, const char *digest, uint64_t *ret, struct err *e);
int store_find_blob(struct registry_server *s, const char *digest, struct err *e);
int store_link_blob(struct registry_server *s, const char *repo, const char *digest, struct err *e);
/* 1: it was there. */
int store_unlink_blob(struct registry_server *s, const char *repo, const char *digest, struct err *e);

struct stored_manifest {
	char digest[DIGEST_MAX];
	char *type;
	uint64_t size;
};
void stored_manifest_done(struct stored_manifest *m);
/* REF: tag or digest. 1, 0. */
int store_manifest(struct registry_server *s, const char *repo, const char *ref, struct stored_manifest *ret,
		   struct err *e);

/* What a manifest names: content that must be there, other manifests, content that may be anywhere. */
enum part_kind { PART_BLOB, PART_MANIFEST, PART_FOREIGN };
struct part {
	enum part_kind kind;
	char digest[DIGEST_MAX];
	uint64_t size;
};

/* What of a manifest's text is kept in rows. */
struct parsed_manifest {
	char *type, *artifact_type, *annotations; /* JSON text of the last */
	char subject[DIGEST_MAX];		  /* "": none */
	struct part *parts;
	size_t n_parts;
};
void parsed_manifest_done(struct parsed_manifest *m);
int store_put_manifest(struct registry_server *s, const char *repo, const char *digest, uint64_t size,
		       const struct parsed_manifest *m, char *const *tags, struct err *e);
/* 1: it was there. REF: tag or digest. */
int store_delete_manifest(struct registry_server *s, const char *repo, const char *ref, struct err *e);

/* Names after LAST, at most N. *RET_MORE: there are further ones. */
int store_tags(struct registry_server *s, const char *repo, const char *last, unsigned n, struct strv *ret,
	       bool *ret_more, struct err *e);
int store_repos(struct registry_server *s, const char *last, unsigned n, struct strv *ret, bool *ret_more,
		struct err *e);
/* The `manifests` of a referrers index, written into OUT's open array. TYPE: of artifacts, NULL: all. */
int store_referrers(struct registry_server *s, const char *repo, const char *digest, const char *type, struct json *out,
		    struct err *e);

/* --- one request -------------------------------------------------------------------------------------------------------- */

enum route {
	ROUTE_BASE,
	ROUTE_CATALOG,
	ROUTE_TAGS,
	ROUTE_REFERRERS,
	ROUTE_MANIFEST,
	ROUTE_BLOB,
	ROUTE_UPLOADS,
	ROUTE_UPLOAD
};

struct request {
	struct registry_server *s;
	struct MHD_Connection *c;
	const char *method, *url;
	enum route route;
	char repo[REG_NAME_MAX + 1];
	char *ref; /* tag, digest or id of an upload; owned */
	bool begun;
	bool answered;
	unsigned status;
	uint64_t sent;
	int64_t began_ns;
	struct buf body;       /* of a manifest */
	struct upload *upload; /* that the body goes into */
	int error;	       /* of the body: what is answered at its end */
	struct err e;
};

/* --- reply.c: answers, each of which is the last word of a request ----------------------------------------------------------- */

enum MHD_Result answer_error(struct request *q, unsigned status, const char *code, const char *fmt, ...) _printf_(4, 5);
/* By what E says: 404, 400, 500 … */
enum MHD_Result answer_err(struct request *q, const char *code, const struct err *e);
/* HEADERS: name, value, …, NULL. BODY may be empty. */
enum MHD_Result answer(struct request *q, unsigned status, const struct buf *body, const char *type,
		       const char *const *headers);
enum MHD_Result answer_fd(struct request *q, int fd, uint64_t size, const char *type, const char *digest);
const char *request_arg(const struct request *q, const char *name);
const char *request_header(const struct request *q, const char *name);

/* --- blobs.c, uploads.c, manifests.c ------------------------------------------------------------------------------------------- */

enum MHD_Result blob_serve(struct request *q);
enum MHD_Result blob_remove(struct request *q);
enum MHD_Result manifest_serve(struct request *q);
enum MHD_Result manifest_put(struct request *q); /* the body is whole */
enum MHD_Result manifest_remove(struct request *q);
enum MHD_Result list_tags(struct request *q);
enum MHD_Result list_repos(struct request *q);
enum MHD_Result list_referrers(struct request *q);

int uploads_open(struct registry_server *s, struct err *e);
void uploads_close(struct registry_server *s);
/* Before a body: an answer, or MHD_YES with q->upload taken. */
enum MHD_Result upload_post(struct request *q, bool *ret_answered);
enum MHD_Result upload_open(struct request *q, bool *ret_answered);
void upload_data(struct request *q, const char *data, size_t len);
enum MHD_Result upload_end(struct request *q); /* the body is whole */
enum MHD_Result upload_status(struct request *q);
enum MHD_Result upload_cancel(struct request *q);
void upload_release(struct request *q); /* whatever became of it */

int manifest_scan(const char *text, size_t len, const char *type, struct parsed_manifest *ret, struct err *e);

/* --- auth.c ------------------------------------------------------------------------------------------------------------------ */

int auth_open(const struct registry_server_opts *o, struct auth **ret, struct err *e);
struct auth *auth_free(struct auth *a);
/* 1: may; else 0 with the challenge that is sent with 401. ACTION: "pull", "push", "delete", "*" of the catalog; REPO may be empty. */
int auth_check(struct auth *a, const char *header, const char *repo, const char *action, struct buf *challenge);

/* May who sent this request read OTHER, too? NULL: any. */
bool mount_allowed(struct request *q, const char *other);

/* --- proxy.c: what is not here yet, from there --------------------------------------------------------------------------------- */

int proxy_manifest(struct registry_server *s, const char *repo, const char *ref, struct err *e);
int proxy_blob(struct registry_server *s, const char *repo, const char *digest, struct err *e);

/* --- gc.c ------------------------------------------------------------------------------------------------------------------------ */

int gc_start(struct registry_server *s, struct err *e);
void gc_stop(struct registry_server *s);
