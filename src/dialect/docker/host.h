/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The Engine API's HostConfig: what a container is given of the host. It is kept as the JSON that it is, every member said,
 * so that what `inspect` shows is what was understood.
 */

#include "dialect/docker/value.h"

#define DOCKER_SHM_SIZE (64 << 20)

/* GIVEN (NULL: nothing said) with all that it leaves out, checked: an object as the value of what is being written. */
int docker_host_write(const struct json_c_value *given, struct json *out, struct err *e);

/* What Docker masks and makes read-only, NULL-terminated. */
extern const char *const docker_masked_paths[], *const docker_readonly_paths[];

/* "always", "unless-stopped", "on-failure", "no". */
enum restart_policy { RESTART_NO, RESTART_ALWAYS, RESTART_UNLESS_STOPPED, RESTART_ON_FAILURE };
enum restart_policy docker_restart_policy(const struct json_c_value *host, int64_t *ret_max);
