/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names of images, by Docker's reference grammar: [DOMAIN/]PATH[:TAG][@DIGEST]. What a user leaves out is put in as Docker
 * does: "debian" is docker.io/library/debian; a first component with a dot, a colon, an upper-case letter or "localhost" is
 * a domain. (distribution-spec; github.com/distribution/reference.)
 */

#include "base/buf.h"

#define REFERENCE_NAME_MAX 255 /* domain and path */
#define REFERENCE_TAG_MAX  128
#define REFERENCE_DOCKER   "docker.io"

struct reference {
	char *domain; /* "docker.io" */
	char *path;   /* "library/debian" */
	char *tag;    /* NULL: none said */
	char *digest; /* "sha256:…", NULL: none said */
};
void reference_done(struct reference *r);
#define _cleanup_reference_ _cleanup_(reference_done)

/* Errors have Docker's words: "invalid reference format", "… must be lowercase", "… cannot be longer than …". */
int reference_parse(const char *s, struct reference *ret, struct err *e);
/* Without tag and digest: "latest". */
int reference_default_tag(struct reference *r, struct err *e);

/* "docker.io/library/debian:12@sha256:…"; and as people write it, "debian:12". */
void reference_full(const struct reference *r, struct buf *out);
void reference_familiar(const struct reference *r, struct buf *out);
/* The same without tag and digest: "docker.io/library/debian", "debian". */
void reference_name(const struct reference *r, bool familiar, struct buf *out);

bool reference_tag_valid(const char *tag);
/* 64 hex digits or fewer, at least one: may be (the beginning of) an id. */
bool reference_is_id(const char *s);
