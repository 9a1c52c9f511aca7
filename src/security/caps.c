/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "security/security.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <strings.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/names.h"
#include "base/parse.h"
#include "sys/caps.h"

/* By number. A newer kernel's capabilities are reached by their number until this table knows them. */
static const char *const names[] = {
	"chown",
	"dac_override",
	"dac_read_search",
	"fowner",
	"fsetid",
	"kill",
	"setgid",
	"setuid",
	"setpcap",
	"linux_immutable",
	"net_bind_service",
	"net_broadcast",
	"net_admin",
	"net_raw",
	"ipc_lock",
	"ipc_owner",
	"sys_module",
	"sys_rawio",
	"sys_chroot",
	"sys_ptrace",
	"sys_pacct",
	"sys_admin",
	"sys_boot",
	"sys_nice",
	"sys_resource",
	"sys_time",
	"sys_tty_config",
	"mknod",
	"lease",
	"audit_write",
	"audit_control",
	"setfcap",
	"mac_override",
	"mac_admin",
	"syslog",
	"wake_alarm",
	"block_suspend",
	"audit_read",
	"perfmon",
	"bpf",
	"checkpoint_restore",
};

unsigned cap_last(void)
{
	return caps_last();
}

const char *cap_name(unsigned cap)
{
	return cap < ARRAY_SIZE(names) ? names[cap] : NULL;
}

/* The number of NAME, whether this kernel has it or not; negative errno when nobody knows it. */
static int cap_number(const char *name, struct err *e)
{
	const char *s = strncasecmp(name, "cap_", 4) == 0 ? name + 4 : name;
	const char *near;
	uint32_t n;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(s, names[i]) == 0)
			return (int)i;
	if (parse_u32(name, &n) == 0) {
		if (n <= caps_last())
			return (int)n;
		return err_kind(e, ERR_INVALID, -EINVAL, "capability %s: this kernel's last is %u", name, caps_last());
	}
	err_kind(e, ERR_INVALID, -EINVAL, "'%s' is not a capability", name);
	near = nearest(s, names, ARRAY_SIZE(names));
	if (near)
		err_hint(e, -EINVAL, "did you mean '%s'?", near);
	return -EINVAL;
}

int cap_parse(const char *name, unsigned *ret, struct err *e)
{
	int n = cap_number(name, e);

	if (n < 0)
		return n;
	if ((unsigned)n > caps_last())
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "this kernel has no capability %s", name);
	*ret = (unsigned)n;
	return 0;
}

int cap_mask(const struct strv *drop, const struct strv *keep, uint64_t *ret, struct err *e)
{
	bool keeping = keep && keep->n, dropping = drop && drop->n;
	unsigned last = caps_last();
	uint64_t all = last >= 63 ? UINT64_MAX : (1ULL << (last + 1)) - 1;
	uint64_t listed = 0;
	const struct strv *l = keeping ? keep : drop;

	if (keeping && dropping)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"capabilities: a list to drop and a list to keep exclude each other");
	for (size_t i = 0; l && i < l->n; i++) {
		int n;

		if (keeping && streq(l->v[i], "none")) {
			listed = 0;
			continue;
		}
		n = cap_number(l->v[i], e);
		if (n < 0)
			return n;
		/* One that this kernel has not can neither be kept nor need dropping. */
		listed |= 1ULL << n;
	}
	*ret = all & (keeping ? listed : ~listed);
	return 0;
}

int cap_apply_bounding(uint64_t mask)
{
	return caps_bound(mask);
}

int cap_apply_final(uint64_t mask)
{
	struct cap_sets s;
	int r;

	/* CVE-2022-24769: a non-empty inheritable set survives exec and comes back through files with inheritable
	 * capabilities. Ambient first: it needs no privilege, and lowering the others could leave nothing to check. */
	r = caps_clear_ambient();
	if (r < 0)
		return r;
	r = caps_get(&s);
	if (r < 0)
		return r;
	s.permitted &= mask;
	s.effective = s.permitted;
	s.inheritable = 0;
	return caps_set(&s);
}

int cap_become(uid_t uid, uint64_t mask, bool for_seccomp)
{
	uint64_t kept = for_seccomp ? 1ULL << CAP_SYS_ADMIN : 0;
	struct cap_sets s;
	int r;

	r = caps_clear_ambient();
	if (r < 0)
		return r;
	/* Leaving uid 0 empties the permitted set otherwise; the flag itself does not survive the exec. */
	if (uid != 0 && for_seccomp && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	if (setresuid(uid, uid, uid) < 0)
		return -errno;
	r = caps_get(&s);
	if (r < 0)
		return r;
	s.permitted &= (uid == 0 ? mask : 0) | kept;
	s.effective = s.permitted;
	s.inheritable = 0;
	return caps_set(&s);
}

int cap_list(const struct strv *l, uint64_t *ret, struct err *e)
{
	uint64_t set = 0;

	for (size_t i = 0; i < l->n; i++) {
		int n = streq(l->v[i], "none") ? -ENOENT : cap_number(l->v[i], NULL);

		if (n >= 0 && (unsigned)n <= caps_last())
			set |= 1ULL << n;
	}
	*ret = set;
	return 0;
}

int cap_become_five(uid_t uid, const struct cap_five *c, bool for_seccomp)
{
	uint64_t kept = for_seccomp ? 1ULL << CAP_SYS_ADMIN : 0;
	struct cap_sets s;
	int r;

	r = caps_clear_ambient();
	if (r < 0)
		return r;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresuid(uid, uid, uid) < 0 ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return -errno;
	r = caps_get(&s);
	if (r < 0)
		return r;
	/* An inheritable one must have been permitted, or stay so. */
	s.inheritable = c->inheritable & (s.permitted | s.inheritable);
	s.permitted &= c->permitted | kept;
	s.effective = s.permitted & (c->effective | kept);
	r = caps_set(&s);
	return r < 0 ? r : caps_raise_ambient(c->ambient & c->permitted & s.permitted & s.inheritable);
}

int cap_bounding_of(pid_t pid, uint64_t *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	const char *p;
	char path[32];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	/* The line of supplementary groups makes this file large at times. */
	r = file_read(AT_FDCWD, path, 1u << 20, &text, NULL, e);
	if (r < 0)
		return r;
	p = strstr(text, "\nCapBnd:");
	if (!p)
		return err_kind(e, ERR_SYSTEM, -EPROTO, "%s has no line CapBnd", path);
	*ret = strtoull(p + strlen("\nCapBnd:"), NULL, 16);
	return 0;
}
