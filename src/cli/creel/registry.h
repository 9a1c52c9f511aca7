/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The command `registry`: its options are here and in every creel, its work in a program of its own, for the sake of the
 * libraries that an HTTP server needs (registryd/main.c). */

#include "cli/cli.h"

struct registry_args {
	const char *addr, *root, *cert, *key, *htpasswd, *realm, *token_realm, *token_service, *token_issuer,
		*token_key, *proxy, *proxy_config, *access_log, *pidfile;
	int64_t gc_interval, gc_grace;
	bool read_only, no_delete, gc_untagged;
};
#define REGISTRY_ARGS_INIT ((struct registry_args){ .gc_interval = 86400, .gc_grace = 3600 })
