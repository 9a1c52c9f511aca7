/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The oci dialect: config.json of the OCI runtime specification, 1.0 to 1.3, into the model and back.
 *
 * Each object of the specification is one table of rows (rows.h): JSON name, kind of value, field of the model. What is
 * wrong is an error that names the place: "config.json: process.args[1]: expected a string, not a number"; text that is
 * no JSON: "config.json:LINE:COLUMN: …". What nothing here can do (linux.intelRdt) is an error too. What the
 * specification wants ignored is ignored and listed, so that the command can log it.
 *
 * Pure: no file is read, no kernel is asked. Limits: 16 MiB of text, 32 levels.
 */

#include "base/buf.h"
#include "base/strv.h"
#include "spec/spec.h"

#define OCI_VERSION   "1.3.0" /* of the specification that is implemented */
#define OCI_TEXT_MAX  (16u << 20)
#define OCI_DEPTH_MAX 32

/* What a load found beside the spec. */
struct oci_info {
	char *version;	      /* ociVersion, as it was said */
	struct strv ignored;  /* paths of fields that mean nothing here: unknown, or of another system */
	struct strv warnings; /* one line each: what was said and has no effect */
};

void oci_info_done(struct oci_info *i);
#define _cleanup_oci_info_ _cleanup_(oci_info_done)

/*
 * A whole config.json. NAME is used in messages. BUNDLE: absolute, relative paths (root.path, sources of bind mounts)
 * lie below it; NULL leaves them relative. S: initialised, empty; INFO (may be NULL) zeroed; the caller frees both on
 * failure too. S->name is not touched.
 *
 * Devices: after the rules of linux.resources.devices come those of the specification's default devices, as with all
 * runtimes; with no rules at all everything else is denied.
 */
int oci_load(const char *text, size_t len, const char *name, const char *bundle, struct spec *s, struct oci_info *info,
	     struct err *e);

/* The `process` object alone (exec --process), into S: args, env, cwd, user, capabilities, rlimits, labels … Members
 * that are not said are not said in S either, but that ids are 0. */
int oci_process_load(const char *text, size_t len, const char *name, struct spec *s, struct oci_info *info,
		     struct err *e);
/* What such an S does not say and CONTAINER does: capabilities, limits, umask, scheduling …, and what only a container
 * can say of its processes (personality, memory policy). Not the user, the terminal, the environment. */
int oci_process_inherit(struct spec *s, const struct spec *container, struct err *e);

/* The `resources` object alone (update --resources): its items are appended to S->cgroup.items. A zero says nothing. */
int oci_resources_load(const char *text, size_t len, const char *name, struct spec *s, struct oci_info *info,
		       struct err *e);

/* S as config.json, indented by tabs. UNSAID (may be NULL) gets the fields of the model that this has no word for, one
 * "field" or "field=value" each. */
int oci_save(const struct spec *s, struct buf *out, struct strv *unsaid, struct err *e);

/* A capability as it is written in config.json ("CAP_CHOWN", any case) in the model's word ("chown"), or NULL. */
const char *oci_cap_word(const char *name);

/* What `spec` writes, byte for byte as runc does: the example that people start with. ROOTLESS: for user UID, GID. */
int oci_default(struct buf *out, bool rootless, uint32_t uid, uint32_t gid, struct err *e);

/* The state of a container. Hooks and seccomp listeners get the members of the specification, on one line; `state` and
 * `list` have more of them. */
struct oci_state {
	const char *version; /* ociVersion of its config.json; NULL: OCI_VERSION */
	const char *id, *status, *bundle;
	int pid;			/* 0: not said to hooks, a 0 in `state` */
	const struct strv *annotations; /* K=V, may be NULL */
	/* `state` and `list` only; rootfs NULL: left out, all three */
	const char *rootfs, *owner;
	uint64_t created_ns; /* since the epoch */
};

/* PRETTY: on many lines, two blanks a level. No newline at the end. */
int oci_state_json(struct buf *out, const struct oci_state *state, bool pretty, struct err *e);
struct json;
void oci_state_put(struct json *j, const struct oci_state *state); /* as an element of what is being written */

/* What this runtime can do, for `features`: tables of the dialect, and what only the caller knows of the host. */
struct oci_host {
	const struct strv *mount_options; /* names */
	/* The model's words for what the kernel knows, and for what a filter can be made for; NULL: all. */
	const struct strv *seccomp_actions, *seccomp_flags, *seccomp_archs;
	const char *const
		*annotations; /* those of config.json that change what is done, NULL-terminated; a '.' at the end:
					 * all that begin so. NULL: none */
	bool cgroup_v1, cgroup_v2, systemd, systemd_user, rdma;
	bool seccomp, apparmor, selinux, idmap;
	const char *version, *commit, *seccomp_version; /* "2.5.4"; NULL: not said */
};
int oci_features(struct buf *out, const struct oci_host *host, struct err *e);

/* Words of the specification and of the model, ended by a NULL name. */
struct oci_word {
	const char *name, *word;
};
extern const struct oci_word oci_caps[]; /* in the kernel's order: CAP_CHOWN is 0 */
extern const struct oci_word oci_hooks[], oci_namespaces[], oci_seccomp_actions[], oci_seccomp_operators[],
	oci_seccomp_archs[], oci_seccomp_flags[];
