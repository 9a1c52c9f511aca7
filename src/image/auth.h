/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who we are to a registry: the challenges of WWW-Authenticate (RFC 9110), credentials of ~/.docker/config.json and its helpers
 * (docker-credential-NAME get, store, erase), X-Registry-Auth of the Engine API. Nothing here speaks HTTP.
 */

#include "base/buf.h"

/* --- what a registry asks for ------------------------------------------------------------------------------------------- */

#define CHALLENGES_MAX	   8u
#define CHALLENGE_TEXT_MAX (16u << 10)

struct challenge {
	char *scheme;			       /* lower case: "basic", "bearer" */
	char *realm, *service, *scope, *error; /* NULL: not said */
};
void challenges_free(struct challenge *c, size_t n);
/* One header field's value, which may hold several. -EINVAL (ERR_INVALID): not the grammar. What is unknown is skipped. */
int challenges_parse(const char *value, struct challenge **ret, size_t *ret_n, struct err *e);

/* --- what we have --------------------------------------------------------------------------------------------------------- */

struct credential {
	char *user, *secret;
	char *identity_token; /* of an OAuth log-in: in place of a password */
	char *registry_token; /* a bearer token as it stands */
};
void credential_done(struct credential *c); /* wipes it */
#define _cleanup_credential_ _cleanup_(credential_done)
static inline bool credential_is_empty(const struct credential *c)
{
	return !c->user && !c->identity_token && !c->registry_token;
}

#define DOCKER_HUB_SERVER "https://index.docker.io/v1/"
/* How credentials of SERVER (a domain, a URL, NULL: Docker Hub) are named in config.json. free(), NULL: out of memory. */
char *auth_server_name(const char *server);

/* DIR: of config.json; NULL: $DOCKER_CONFIG, else ~/.docker. SERVER: as auth_server_name(). 1, or 0: none is kept. */
int auth_get(const char *dir, const char *server, struct credential *ret, struct err *e);
/* With the helper that config.json names for SERVER, else in the file, 0600 and replaced as one. *RET_PLAIN_FILE (free(), may be
 * NULL): where it is kept unencrypted. */
int auth_store(const char *dir, const char *server, const struct credential *c, char **ret_plain_file, struct err *e);
/* 1, or 0: there was none. */
int auth_erase(const char *dir, const char *server, struct err *e);

/* Inner, for the fuzzer: TEXT changed as auth_store() and auth_erase() (C NULL) change it. */
int auth_text_get(const char *text, size_t len, const char *server, struct credential *ret, struct err *e);
int auth_text_change(const char *text, size_t len, const char *server, const struct credential *c, struct buf *out,
		     struct err *e);

/* X-Registry-Auth: base64url of {"username","password","identitytoken","registrytoken",…}. */
int auth_header_decode(const char *value, struct credential *ret, struct err *e);
