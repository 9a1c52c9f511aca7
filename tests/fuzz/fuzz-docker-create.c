/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The body of a create from any text: what is accepted is the same when it is read again, and makes a spec that dumps and
 * loads; what is refused says why. The same text is tried as a seccomp profile. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/docker/docker.h"
#include "spec/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static void make_spec(const struct container_config *config, const struct json_c_value *host)
{
	struct docker_container c = { .id = "0123", .config = config, .host = host, .rootfs = "dir:/r" };
	_cleanup_buf_ struct buf dumped = BUF_INIT;
	_cleanup_spec_ struct spec s, loaded;
	struct err e = { 0 };

	spec_init(&s);
	spec_init(&loaded);
	if (docker_spec(&c, &s, &e) < 0) {
		MUST(*e.msg);
		return;
	}
	MUST(spec_dump(&s, &dumped, &e) == 0);
	(void)spec_load(&loaded, buf_str(&dumped), &e);
}

static void profile(const struct json_c_value *v)
{
	_cleanup_strv_ struct strv caps = STRV_INIT;
	_cleanup_spec_ struct spec s;
	struct err e = { 0 };

	spec_init(&s);
	MUST(strv_push(&caps, "sys_admin", &e) == 0);
	if (docker_seccomp_profile(v, &caps, "6.1.0", &s.security.seccomp, &e) < 0)
		MUST(*e.msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_value_ struct json_c_value *v = NULL, *host = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT, again = BUF_INIT;
	struct container_config config;
	struct err e = { 0 };
	struct json j;

	if (value_parse((const char *)data, size, "body", &v, &e) < 0) {
		MUST(*e.msg);
		return 0;
	}
	profile(v);
	container_config_init(&config);
	json_init(&j, &text, false);
	if (container_config_read(v, &config, &e) == 0 && docker_host_write(value_get(v, "HostConfig"), &j, &e) == 0) {
		MUST(value_parse(buf_str(&text), text.len, "host", &host, &e) == 0);
		json_init(&j, &again, false);
		MUST(docker_host_write(host, &j, &e) == 0);
		MUST(strcmp(buf_str(&text), buf_str(&again)) == 0);
		make_spec(&config, host);
	} else {
		MUST(*e.msg);
	}
	container_config_done(&config);
	return 0;
}
