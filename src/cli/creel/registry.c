/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/creel/registry.h"

#include <unistd.h>

#include "engine/internal.h"

#define ROW(l, n, a, d, k, m, ...)                                              \
	{                                                                       \
		l, n, a, d, k, offsetof(struct registry_args, m), ##__VA_ARGS__ \
	}

static const struct opt opts[] = {
	ROW(0, "addr", "ADDRESS:PORT",
	    "Where it listens; 127.0.0.1:5000 by default. Port 0: any free one, which is printed.", OPT_STR, addr),
	ROW(0, "root", "DIR", "Where it keeps what is pushed; /var/lib/creel/registry by default.", OPT_STR, root,
	    .complete = COMPLETE_DIR),
	ROW(0, "tls-cert", "FILE", "Certificate (PEM, with its chain): HTTPS only.", OPT_STR, cert,
	    .complete = COMPLETE_FILE),
	ROW(0, "tls-key", "FILE", "Its key; in the certificate's file where not said.", OPT_STR, key,
	    .complete = COMPLETE_FILE),
	ROW(0, "htpasswd", "FILE", "Users and their passwords (htpasswd -B). Read again when it changes.", OPT_STR,
	    htpasswd, .complete = COMPLETE_FILE),
	ROW(0, "realm", "NAME", "What users are asked for; creel by default.", OPT_STR, realm),
	ROW(0, "token-realm", "URL", "Server that gives tokens, instead of htpasswd.", OPT_STR, token_realm),
	ROW(0, "token-service", "NAME", "Whom its tokens must be for.", OPT_STR, token_service),
	ROW(0, "token-issuer", "NAME", "Whom they must be from.", OPT_STR, token_issuer),
	ROW(0, "token-key", "FILE", "Public keys or certificates (PEM) that they are signed with.", OPT_STR, token_key,
	    .complete = COMPLETE_FILE),
	ROW(0, "read-only", NULL, "Nothing is pushed or deleted.", OPT_BOOL, read_only, 1),
	ROW(0, "no-delete", NULL, "Nothing is deleted.", OPT_BOOL, no_delete, 1),
	ROW(0, "proxy", "URL",
	    "Keep a copy of what is pulled from there, and serve it without, when it cannot be reached.", OPT_STR,
	    proxy),
	ROW(0, "proxy-config", "DIR", "Folder of a config.json with the credentials for it.", OPT_STR, proxy_config,
	    .complete = COMPLETE_DIR),
	ROW(0, "gc-interval", "SECONDS",
	    "How often content that no manifest names is removed; 86400 by default, 0: never.", OPT_I64, gc_interval),
	ROW(0, "gc-grace", "SECONDS", "How old it must be; 3600 by default.", OPT_I64, gc_grace),
	ROW(0, "gc-untagged", NULL, "Manifests without a tag are removed, too.", OPT_BOOL, gc_untagged, 1),
	ROW(0, "access-log", "FILE", "A line a request; - for standard error.", OPT_STR, access_log,
	    .complete = COMPLETE_FILE),
	ROW(0, "pid-file", "FILE", "Write the process number there once it serves.", OPT_STR, pidfile,
	    .complete = COMPLETE_FILE),
	OPT_END
};

static int run(struct cli *c)
{
	_cleanup_free_ char *program = engine_resource(RES_REGISTRY, "creel-registry");
	struct registry_args a = REGISTRY_ARGS_INIT;
	int code = cli_parse(c, &a);

	if (code >= 0)
		return code;
	if (!program)
		return cli_error(c, NULL, "the program creel-registry is missing");
	execv(program, c->argv);
	return cli_error(c, NULL, "execute %s: %m", program);
}

const struct command cmd_registry = {
	.name = "registry",
	.flags = CMD_NO_ENGINE,
	.synopsis = "serve|gc [OPTION...]",
	.summary = "a private registry of images",
	.description = "serve is a registry that docker, podman, skopeo and creel push to and pull from: the OCI "
		       "distribution protocol with resumed "
		       "uploads, mounts between repositories, deletion, referrers, tags and the catalog. It ends on "
		       "SIGTERM, when those who are "
		       "being served are done. What it keeps is an OCI image layout.\n\n"
		       "gc removes what no manifest names while no registry serves the folder; one that serves does so "
		       "by itself.",
	.opts = opts,
	.examples =
		(const struct text_pair[]){
			{ "creel registry serve --addr :5000 --root /srv/registry --tls-cert c.pem --tls-key k.pem",
			  "For the network, encrypted." },
			{ "creel registry serve --proxy https://registry-1.docker.io", "A cache of Docker Hub." },
			{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "It has been asked to end; for gc: done." },
					     { "1", "It cannot serve." },
					     { NULL, NULL } },
	.operand_words = "serve gc",
	.see_also = "creel(1)",
	.run = run,
};
