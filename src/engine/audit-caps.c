/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Capabilities that are kept: the known-dangerous ones, and whether any process has them. */

#include <linux/capability.h>
#include <stdio.h>

#include "engine/audit-internal.h"
#include "runtime/compile.h"

/* HIGH: takes the host, given the name spaces that containers usually have. */
static const struct {
	unsigned cap;
	enum audit_level level;
	const char *id, *why;
} known[] = {
	{ CAP_SYS_MODULE, AUDIT_HIGH, "cap.sys_module", "loads code into the kernel, which is the host's" },
	{ CAP_SYS_RAWIO, AUDIT_HIGH, "cap.sys_rawio", "reaches the machine's ports and memory" },
	{ CAP_SYS_ADMIN, AUDIT_HIGH, "cap.sys_admin", "mounts, and most of what else the kernel asks root for" },
	{ CAP_DAC_READ_SEARCH, AUDIT_HIGH, "cap.dac_read_search",
	  "opens files by handle: also those of the host on the same file system" },
	{ CAP_SYS_BOOT, AUDIT_HIGH, "cap.sys_boot",
	  "loads another kernel, and restarts the host where no pid name space is" },
	{ CAP_BPF, AUDIT_HIGH, "cap.bpf", "loads programs into the kernel" },
	{ CAP_MAC_ADMIN, AUDIT_HIGH, "cap.mac_admin", "changes the host's security policy" },
	{ CAP_MAC_OVERRIDE, AUDIT_HIGH, "cap.mac_override", "is not bound by the host's security policy" },
	{ CAP_SYS_PTRACE, AUDIT_MEDIUM, "cap.sys_ptrace", "reads and changes the memory of other processes" },
	{ CAP_SYS_TIME, AUDIT_MEDIUM, "cap.sys_time", "sets the clock, which is the host's" },
	{ CAP_PERFMON, AUDIT_MEDIUM, "cap.perfmon", "watches the kernel and all processes" },
	{ CAP_SYSLOG, AUDIT_MEDIUM, "cap.syslog", "reads and clears the kernel's log, sees its addresses" },
	{ CAP_MKNOD, AUDIT_MEDIUM, "cap.mknod", "makes nodes of devices, of which the devices' policy must know" },
	{ CAP_AUDIT_CONTROL, AUDIT_MEDIUM, "cap.audit_control", "turns the host's auditing off" },
	{ CAP_LINUX_IMMUTABLE, AUDIT_MEDIUM, "cap.linux_immutable", "lifts what an administrator made immutable" },
	{ CAP_CHECKPOINT_RESTORE, AUDIT_MEDIUM, "cap.checkpoint_restore", "reaches the memory map of other processes" },
	{ CAP_NET_ADMIN, AUDIT_LOW, "cap.net_admin", "changes interfaces, routes and filters of its network" },
	{ CAP_NET_RAW, AUDIT_LOW, "cap.net_raw", "sends packets of any kind: can pose as its neighbours" },
	{ CAP_SYS_RESOURCE, AUDIT_LOW, "cap.sys_resource", "goes beyond limits and quotas" },
	{ CAP_SYS_NICE, AUDIT_LOW, "cap.sys_nice", "takes the processor from others" },
	{ CAP_SYS_PACCT, AUDIT_LOW, "cap.sys_pacct", "writes the accounting of processes" },
	{ CAP_SYS_TTY_CONFIG, AUDIT_LOW, "cap.sys_tty_config", "hangs terminals up" },
	{ CAP_IPC_LOCK, AUDIT_LOW, "cap.ipc_lock", "locks memory without a limit" },
	{ CAP_BLOCK_SUSPEND, AUDIT_LOW, "cap.block_suspend", "keeps the host awake" },
	{ CAP_WAKE_ALARM, AUDIT_LOW, "cap.wake_alarm", "wakes the host up" },
	{ CAP_AUDIT_READ, AUDIT_LOW, "cap.audit_read", "reads the host's audit log" },
};

static uint64_t hex_of(pid_t pid, const char *field)
{
	char text[32];

	audit_status(pid, field, text, sizeof(text));
	return strtoull(text, NULL, 16);
}

static int kept(struct auditor *x, uint64_t *ret)
{
	const struct spec_process *p = &x->s->process;

	if (x->pid) {
		*ret = hex_of(x->pid, "CapBnd");
		return 0;
	}
	return spec_five_caps(p) ? cap_list(&p->cap_bounding, ret, x->e)
				 : cap_mask(&p->cap_drop, &p->cap_keep, ret, x->e);
}

/* How many of its processes have CAP, now or by their next exec. */
static unsigned holders(const pid_t *pids, const uint64_t *sets, size_t n, unsigned cap)
{
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		count += (sets[i] >> cap) & 1;
	return count;
}

static char *fix(const struct auditor *x, unsigned cap)
{
	const struct spec_process *p = &x->s->process;
	char upper[40];

	snprintf(upper, sizeof(upper), "%s", cap_name(cap));
	for (char *c = upper; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c -= 0x20;
	if (x->a->oci)
		return audit_text("process.capabilities: take CAP_%s out of bounding, effective and permitted", upper);
	if (p->cap_keep.n)
		return audit_text("lxc.cap.keep: take %s out", cap_name(cap));
	return audit_text("lxc.cap.drop = %s", cap_name(cap));
}

static char *what(const struct auditor *x, unsigned cap, unsigned n, size_t all)
{
	if (!x->pid)
		return audit_text("%s is kept", cap_name(cap));
	if (!n)
		return audit_text("%s is kept, and no process has it", cap_name(cap));
	return audit_text("%s is kept; %u of %zu processes have it", cap_name(cap), n, all);
}

int audit_caps(struct auditor *x)
{
	_cleanup_free_ pid_t *pids = NULL;
	_cleanup_free_ uint64_t *sets = NULL;
	uint64_t mask = 0;
	size_t n = 0;
	int r = kept(x, &mask);

	if (r < 0)
		return r;
	if (x->pid && container_pids(x->c, &pids, &n, NULL) < 0)
		n = 0;
	sets = calloc(n + 1, sizeof(*sets));
	if (!sets)
		return err_oom(x->e);
	for (size_t i = 0; i < n; i++)
		sets[i] = hex_of(pids[i], "CapEff") | hex_of(pids[i], "CapPrm");
	for (size_t i = 0; i < ARRAY_SIZE(known) && r == 0; i++) {
		enum audit_level level = known[i].level;
		unsigned cap = known[i].cap;

		if (cap > cap_last() || !((mask >> cap) & 1))
			continue;
		/* In a user name space they hold for what that owns. */
		if (x->userns)
			level = AUDIT_LOW;
		r = audit_add(x, level, known[i].id, what(x, cap, holders(pids, sets, n, cap), n), known[i].why,
			      fix(x, cap));
	}
	return r;
}
