/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What an image says of the containers made from it, and a container of itself: the Config of the Engine API, which is the
 * `config` of an image configuration, too (image-spec 1.1). Plain data; read from JSON with limits, written back. */

#include <stdint.h>

#include "base/strv.h"

struct health_config {
	struct strv test; /* empty: inherit; "NONE"; "CMD", …; "CMD-SHELL", … */
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
	int32_t retries;
};

struct container_config {
	char *hostname, *domainname, *user, *image, *working_dir, *stop_signal, *mac_address;
	struct strv env, cmd, entrypoint, on_build, shell;
	bool cmd_set, entrypoint_set; /* null and [] are not the same */
	struct strv exposed_ports;    /* "80/tcp" */
	struct strv volumes;	      /* "/data" */
	struct strv labels;	      /* K=V, sorted when written */
	struct health_config health;
	bool has_health;
	bool attach_stdin, attach_stdout, attach_stderr, tty, open_stdin, stdin_once, network_disabled, args_escaped;
	int64_t stop_timeout; /* seconds, -1: not said */
};
void container_config_init(struct container_config *c);
void container_config_done(struct container_config *c);
int container_config_copy(struct container_config *to, const struct container_config *from, struct err *e);

struct json;
struct json_c_value; /* json-c's, by dialect/oci/json-c.h */
int container_config_read(struct json_c_value *o, struct container_config *ret, struct err *e);
/* ALL: every member, as the Engine API shows a container's; else what an image's configuration has (empty ones left out). */
void container_config_write(const struct container_config *c, struct json *out, bool all);
