/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/oci/oci-cli.h"

#include "base/file.h"
#include "config.h"
#include "runtime/plan.h"
#include "security/lsm.h"
#include "sys/mount.h"
#include "sys/probe.h"

/* Of fstab and of LXC's: they mean nothing in a config.json. */
static bool foreign(const char *name)
{
	static const char *const words[] = { "auto",   "noauto",  "user",     "nouser",	  "users", "group",
					     "nofail", "_netdev", "optional", "relative", "move" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(name, words[i]))
			return true;
	return strchr(name, '=') != NULL;
}

static int mount_options(struct strv *ret, struct err *e)
{
	const char *name;
	int r = 0;

	for (unsigned i = 0; r == 0 && (name = mount_opt_name(i)); i++)
		if (!foreign(name) && !strv_has(ret, name))
			r = strv_push(ret, name, e);
	strv_sort(ret);
	return r;
}

static int run(struct cli *c)
{
	/* What else is done because of one: runtime/compile_process.c, engine/oci-create.c. */
	static const char *const annotations[] = { "org.systemd.property.", "run.oci.keep_original_groups", NULL };
	_cleanup_strv_ struct strv options = STRV_INIT, actions = STRV_INIT, flags = STRV_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct oci_host h = {
		.mount_options = &options,
		.seccomp_actions = &actions,
		.seccomp_flags = &flags,
		.annotations = annotations,
		.cgroup_v1 = true,
		.cgroup_v2 = true,
		.systemd = true,
		.systemd_user = true,
		.rdma = true,
		.seccomp = true,
		.apparmor = true,
		.selinux = true,
		.idmap = probe_has(PROBE_MOUNT_SETATTR),
		.version = CREEL_VERSION,
	};
	struct err e = { 0 };
	int code, r;

	code = verb_parse(c, NULL, 0, 0);
	if (code >= 0)
		return code;
	r = mount_options(&options, &e);
	if (r == 0)
		r = seccomp_words(&actions, &flags, &e);
	if (r == 0)
		r = oci_features(&out, &h, &e);
	buf_putc(&out, '\n');
	return r < 0 ? verb_fail(c, NULL, &e, 1) : verb_print(c, &out);
}

const struct command cmd_oci_features = {
	.name = "oci-features",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "",
	.summary = "show the enabled features",
	.description = "Prints what this runtime can do, as the specification's features JSON.",
	.exits = (const struct text_pair[]){ { "0", "Printed." }, { "1", "It failed." }, { NULL, NULL } },
	.see_also = "creel-oci(1)",
	.run = run,
};
