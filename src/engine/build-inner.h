/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of engine/build-*.c. */

#include "base/json.h"
#include "image/build/build.h"
#include "spec/spec.h"

void build_strings(struct json *j, const char *key, const char *const *list);
/* The policy that every container of Docker's with CAPS has, as the member "seccomp". */
int build_seccomp(const char *const *caps, struct json *j, struct err *e);

/*
 * The network of one RUN: by default it is on the built-in bridge as containers are, with a row among their endpoints by its id.
 * An ordinary user has no bridge: there it is the host's.
 */
struct build_net {
	const struct build_run *run;
	char *hosts, *resolv; /* files for /etc; RESOLV NULL: none */
	struct spec spec;     /* its interfaces, until they are given */
	bool has_spec;
};
bool build_net_is_host(const struct build_run *r);
int build_net_begin(struct build_net *n, struct err *e);
void build_net_give(struct build_net *n, struct spec *s);
void build_net_done(struct build_net *n);
/* Its row goes; any number of times, also of one that was killed. */
void build_net_end(struct images *s, const char *id);
