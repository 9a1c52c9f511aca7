/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A registry: the OCI distribution protocol 1.1 from the server's side, over libmicrohttpd, a thread a connection. What is
 * stored is an OCI layout with all content, and registry.db, which says what is in which repository by which tag. Several
 * may serve one root only one after the other: the root is locked.
 */

#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

struct registry_server_opts {
	const char *root;		/* made where it is missing */
	const char *addr;		/* "127.0.0.1:5000", "[::1]:5000", ":5000"; port 0: any free one */
	const char *tls_cert, *tls_key; /* PEM files; NULL: plain HTTP */
	const char *htpasswd;		/* file; NULL: no basic authentication */
	const char *realm;		/* of it, NULL: "creel" */
	const char *token_realm;	/* URL that gives tokens; with the next three */
	const char *token_service, *token_issuer;
	const char *token_key; /* PEM file with public keys or certificates */
	bool read_only, no_delete;
	const char *proxy;	  /* URL of the registry whose content is kept here, NULL: none */
	const char *proxy_config; /* directory of a config.json with its credentials, NULL */
	unsigned gc_interval_s;	  /* 0: never by itself */
	unsigned gc_grace_s;	  /* what is younger stays */
	bool gc_untagged;	  /* manifests without a tag go, too */
	const struct log *log;
	const struct log *access; /* a line a request at LOG_INFO; NULL: none */
};

struct registry_server;
int registry_server_open(const struct registry_server_opts *o, struct registry_server **ret, struct err *e);
/* The port that it listens on. */
unsigned registry_server_port(const struct registry_server *s);
/* Accepts nobody new, lets those who are served end (at most TIMEOUT_MS), and closes. */
struct registry_server *registry_server_close(struct registry_server *s, int timeout_ms);

/* One collection, while it serves or with the registry not running. Counts what went. */
struct registry_gc {
	unsigned blobs, manifests;
	uint64_t bytes;
};
int registry_server_gc(struct registry_server *s, struct registry_gc *ret, struct err *e);
