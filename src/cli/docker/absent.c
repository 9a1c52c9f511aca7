/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Commands of Docker's client that are not there, and why: what is typed out of habit deserves more than "not a command". */

#include <stdio.h>

#include "base/macros.h"
#include "cli/docker/programs.h"

static const struct {
	const char *words; /* "context create", or a verb with all that follows it */
	const char *why;
} absent[] = {
	{ "buildx", "there is one builder, creel's own: it has build, du and prune" },
	{ "checkpoint", "a container of an image cannot be checkpointed yet" },
	{ "compose", "Compose files are not read: run, network create and volume create do what they say" },
	{ "config", "there is no swarm: --mount or --volume give a container its files" },
	{ "context", "containers are run here: there is no context but \"default\"" },
	{ "manifest", "indexes are pulled, run and pushed, but not put together here" },
	{ "node", "there is no swarm: containers are those of this machine" },
	{ "plugin", "there is no daemon that has plugins" },
	{ "secret", "there is no swarm: build has --secret, and --mount or --volume give a container its files" },
	{ "service", "there is no swarm: containers are those of this machine; run --restart keeps one running" },
	{ "stack", "there is no swarm, and Compose files are not read" },
	{ "swarm", "there is no swarm: containers are those of this machine" },
	{ "system dial-stdio", "there is no daemon to talk to" },
	{ "trust", "images are signed and checked by other programs (cosign, notation): digests name what is meant" },
};

const char *docker_absent(int argc, char *const *argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++) {
		const char *rest = startswith(absent[i].words, argv[0]);

		if (rest && (!*rest || (*rest == ' ' && argc > 1 && streq(argv[1], rest + 1))))
			return absent[i].why;
	}
	return NULL;
}
