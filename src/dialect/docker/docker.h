/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The docker dialect: a container as the Engine API describes it, as a spec. Pure: what takes a look at the host or at the
 * image (users, devices, mount points) is asked for before and given here. */

#include <sys/types.h>

#include "dialect/docker/config.h"
#include "dialect/docker/host.h"
#include "spec/spec.h"

/* One device of the host. */
struct docker_device {
	char *path; /* in the container */
	char type;  /* c, b */
	uint32_t major, minor, mode, uid, gid;
	char access[4]; /* some of rwm */
};

struct docker_container {
	const char *id;
	const struct container_config *config; /* the image's merged in */
	const struct json_c_value *host;       /* HostConfig, whole */
	const struct json_c_value *mounts;     /* as inspect's Mounts: what is where, all sources known */
	const char *rootfs;		       /* spec.rootfs.path */
	const char *hosts, *hostname, *resolv; /* files on the host, NULL: the image's own */
	const char *init;		       /* program of --init, NULL: none */
	const char *kernel;		       /* its release, NULL: unknown */
	bool apparmor, selinux;		       /* which of the two the host's kernel has */
	bool no_tty_group;		       /* there is no group 5 where it runs */
	const char *share[NS_MAX];	       /* path of a name space that is another's */
	uint32_t uid, gid;
	const gid_t *groups;
	size_t n_groups;
	const struct docker_device *devices;
	size_t n_devices;
};
/* RET: initialised, empty; without networks. */
int docker_spec(const struct docker_container *c, struct spec *ret, struct err *e);

/* The limits alone, of a HostConfig or an update's body (ZERO: a 0 is said, too): appended to RET's cgroup.items. */
int docker_resources(const struct json_c_value *host, bool zero, struct spec *ret, struct err *e);

/* Default policy for a container with these capabilities (words of the model). */
int docker_seccomp_default(const struct strv *caps, struct spec_seccomp *ret, struct err *e);
/* A profile in Docker's format (moby's profiles/seccomp), for these capabilities and this KERNEL ("6.1.0-13"). */
int docker_seccomp_profile(const struct json_c_value *profile, const struct strv *caps, const char *kernel,
			   struct spec_seccomp *ret, struct err *e);

/* The capabilities of a container, in the model's words: Docker's fourteen, changed by CapAdd and CapDrop. */
int docker_caps(const struct json_c_value *host, struct strv *ret, struct err *e);

/* AppArmor's profile of containers that name none: security/apparmor-profile.c. */
#define DOCKER_APPARMOR "creel-default"

/* The annotation of a container that boots a system: its init gets what systemd needs, as in podman's --systemd=always. */
#define DOCKER_SYSTEM "creel.system"
bool docker_is_system(const struct json_c_value *host);

/* "focused_turing": made of SEED. free(). */
char *docker_random_name(uint64_t seed, bool number);
/* As Docker wants them: [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
bool docker_name_valid(const char *name);
