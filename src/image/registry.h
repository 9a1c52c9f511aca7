/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The OCI distribution protocol from the client's side, over libcurl: HTTPS, plain HTTP where asked for or on 127.0.0.0/8, token and
 * basic authentication, mirrors, retries, ranges. Several transfers of one registry share connections and tokens.
 */

#include "base/buf.h"
#include "image/images.h"

struct registry_opts {
	const char *config_dir;	     /* of ~/.docker/config.json; NULL: $DOCKER_CONFIG, ~/.docker */
	const char *const *insecure; /* "HOST[:PORT]" or CIDR, NULL-terminated: plain HTTP and any certificate */
	const char *const *mirrors;  /* "DOMAIN=URL", tried before, in order */
	const char *certs_dir;	     /* NULL: /etc/docker/certs.d, /etc/containers/certs.d */
	const char *hosts_file;	     /* NULL: /etc/creel/registries.json, then /etc/docker/daemon.json */
	unsigned retries;	     /* 0: 5 */
	const char *auth;	     /* X-Registry-Auth, base64url JSON: instead of the file. NULL */
};

struct registry;
int registry_open(const char *domain, const struct registry_opts *o, struct registry **ret, struct err *e);
struct registry *registry_free(struct registry *r);
DEFINE_CLEANUP(struct registry *, registry_free);

/* REF: tag or digest. TYPE (free()) and DIGEST are those of the answer; a digest that was asked for is checked. */
int registry_manifest(struct registry *r, const char *path, const char *ref, char **ret, size_t *ret_len,
		      char **ret_type, char ret_digest[static DIGEST_MAX], struct err *e);
/* Into B; begins behind what an interrupted one left. */
int registry_fetch(struct registry *r, const char *path, const struct descriptor *d, struct blobs *b,
		   const struct progress *p, const char *id, struct err *e);
int registry_has(struct registry *r, const char *path, const char *digest, struct err *e); /* 1, 0 */
/* FROM: another repository of the same registry that has it, or NULL. 0: sent, 1: it was there, 2: mounted from FROM. */
int registry_upload(struct registry *r, const char *path, const struct descriptor *d, const char *from, struct blobs *b,
		    const struct progress *p, const char *id, struct err *e);
int registry_put_manifest(struct registry *r, const char *path, const char *ref, const char *type, const char *text,
			  size_t len, struct err *e);
int registry_tags(struct registry *r, const char *path, struct strv *ret, struct err *e);
/* Docker Hub's search (GET /v1/search), of the registry that TERM begins with ("HOST/WORD") where it does; one without search is
 * searched by its catalog. JSON: {"results":[{"name","description","star_count","is_official","is_automated"}]}. */
int registry_search(const char *term, unsigned limit, const struct registry_opts *o, struct buf *out, struct err *e);

/* Checks and stores. SERVER NULL: Docker Hub. Store: credsStore/credHelpers where the file says so, else auths; then
 * *RET_PLAIN_FILE (free(), may be NULL) is where the password stands unencrypted. */
int registry_login(const char *server, const char *user, const char *password, const struct registry_opts *o,
		   char **ret_plain_file, struct err *e);
/* 1, or 0: there were no credentials. */
int registry_logout(const char *server, const struct registry_opts *o, struct err *e);
/* Only the check, as POST /auth of the Engine API wants it. *RET_IDENTITY_TOKEN (free()): to be kept in place of the password, NULL. */
int registry_check_login(const char *server, const char *user, const char *password, const struct registry_opts *o,
			 char **ret_identity_token, struct err *e);

/* --- whole images ------------------------------------------------------------------------------------------------------------ */

struct pull_opts {
	const struct registry_opts *registry;
	const struct platform *platform; /* NULL: this machine's */
	unsigned parallel;		 /* layers at once, 0: 3 */
	bool all_tags;
};
/* Docker's words through P: "Pulling from library/debian", "Digest: …", "Status: Downloaded newer image for …". */
int image_pull(struct images *s, const struct reference *name, const struct pull_opts *o, const struct progress *p,
	       struct err *e);
int image_push(struct images *s, const struct reference *name, const struct pull_opts *o, const struct progress *p,
	       struct err *e);
