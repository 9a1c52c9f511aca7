/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "security/lsm.h"

/*
 * The profile of a container with lxc.apparmor.profile = generated. It is for system containers that run as the host's
 * root: everything goes but what reaches the host's kernel as a whole. AppArmor's globs know no "all but", so for a
 * tree of which only some parts may be written the complement is spelled out character by character.
 */

/* What may be written below /proc/sys and below /sys; the rest of either is denied. */
static const char *const proc_sys_writable[] = { "kernel/domainname", "kernel/hostname", "kernel/msg*", "kernel/sem*",
						 "kernel/shm*",	      "fs/mqueue",	 "net",		NULL };
static const char *const sys_writable[] = { "class/net", "devices/virtual/net", "fs/cgroup", NULL };

static const char *const rules[] = {
	"network,",
	"capability,",
	"file,",
	"umount,",
	"dbus,",
	"unix,",
	"pivot_root,",
	"signal (receive),",
	"ptrace (readby, tracedby),",
	"deny /proc/sysrq-trigger rwklx,",
	"deny /proc/{kcore,kmem,mem} rwklx,",
	"deny /proc/{acpi,bus,fs,irq,scsi,tty}{,/**} wklx,",
	"deny /sys/firmware/** rwklx,",
	"deny /sys/kernel/security/** rwklx,",
};

/* A second look at the same kernel would not be at /proc or /sys, where the rules above are about. */
static const char *const mount_rules[] = {
	"mount,",
	"deny mount fstype={binfmt_misc,configfs,debugfs,efivarfs,pstore,securityfs,tracefs},",
	"deny mount fstype=proc -> /[^p]**,",
	"deny mount fstype=sysfs -> /[^s]**,",
	"deny mount options in (bind, rbind) /proc{,/**} -> /[^p]**,",
	"deny mount options in (bind, rbind) /sys{,/**} -> /[^s]**,",
};
static const char *const nesting_rules[] = {
	"mount,",
	"deny mount fstype={binfmt_misc,configfs,debugfs,efivarfs,pstore,tracefs},",
};

int apparmor_profile_name(const char *container, char **ret, struct err *e)
{
	uint64_t hash = 0xcbf29ce484222325;
	bool plain = true;
	char name[320], *copy;
	int n;

	n = snprintf(name, sizeof(name), "creel-%.200s", container);
	for (const char *c = container; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c)) {
			*c = '_';
			plain = false;
		}
	/* Two names that became one are told apart again. */
	if (!plain || strlen(container) > 200)
		snprintf(name + n, sizeof(name) - (size_t)n, "-%016llx", (unsigned long long)hash);
	copy = strdup(name);
	if (!copy)
		return err_oom(e);
	*ret = copy;
	return 0;
}

/* The writable paths that begin with the first LEN characters of PATH, as the next characters of each: *RET_END is set
 * when one ends there, *RET_OPEN when any further characters are writable ("shm*"). */
static void next_chars(const char *const *paths, const char *path, size_t len, char *ret_next, bool *ret_end,
		       bool *ret_open)
{
	size_t n = 0;

	*ret_end = *ret_open = false;
	for (; *paths; paths++) {
		char c;

		if (strncmp(*paths, path, len) != 0)
			continue;
		c = (*paths)[len];
		*ret_end |= !c;
		*ret_open |= c == '*';
		if (c && c != '*' && !memchr(ret_next, c, n))
			ret_next[n++] = c;
	}
	ret_next[n] = '\0';
}

/* Denies all below ROOT that goes on from the first LEN characters of PATH otherwise than one of PATHS does. */
static void deny_others(struct buf *out, const char *root, const char *const *paths, const char *path, size_t len)
{
	char next[16], longer[128], others[16];
	bool end, open;
	size_t n = 0;

	next_chars(paths, path, len, next, &end, &open);
	if (open)
		return;
	for (const char *c = next; *c; c++)
		if (*c != '/')
			others[n++] = *c;
	others[n] = '\0';
	/* A name that ends here, or goes on into its own directory, is another matter than a longer name. */
	if (n)
		buf_printf(out, "  deny %s/%.*s[^%s/]*{,/**} wklx,\n", root, (int)len, path, others);
	else
		buf_printf(out, "  deny %s/%.*s[^/]*{,/**} wklx,\n", root, (int)len, path);
	if (end && !*next)
		return;
	for (const char *c = next; *c && len + 1 < sizeof(longer); c++) {
		snprintf(longer, sizeof(longer), "%.*s%c", (int)len, path, *c);
		deny_others(out, root, paths, longer, len + 1);
	}
}

static void add_rules(struct buf *out, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "  %s\n", list[i]);
}

int apparmor_profile_text(const struct lsm_want *w, const char *name, struct buf *out, struct err *e)
{
	buf_printf(out, "profile \"%s\" flags=(attach_disconnected,mediate_deleted) {\n", name);
	add_rules(out, rules, ARRAY_SIZE(rules));
	buf_printf(out, "  signal peer=\"%s\",\n  ptrace peer=\"%s\",\n", name, name);
	deny_others(out, "/proc/sys", proc_sys_writable, "", 0);
	deny_others(out, "/sys", sys_writable, "", 0);
	if (w->apparmor_nesting)
		add_rules(out, nesting_rules, ARRAY_SIZE(nesting_rules));
	else
		add_rules(out, mount_rules, ARRAY_SIZE(mount_rules));
	for (size_t i = 0; w->apparmor_raw && i < w->apparmor_raw->n; i++)
		buf_printf(out, "  %s\n", w->apparmor_raw->v[i]);
	buf_puts(out, "}\n");
	return buf_error(out, e);
}

/* --- containers of images ----------------------------------------------------------------------------------------------- */

/* After Docker's description of its own: nothing is mounted, of the kernel's settings those of shared memory may be written. */
static const char *const shared_sys_writable[] = { "kernel/shm*", NULL };
static const char *const shared_writable[] = { "fs/cgroup", NULL };
static const char *const shared_rules[] = {
	"network,",
	"capability,",
	"file,",
	"umount,",
	"unix,",
	"signal (receive) peer=unconfined,",
	"deny mount,",
	"deny /proc/{sysrq-trigger,kcore,kmem,mem} rwklx,",
	"deny /proc/[^/]* w,",
	"deny /proc/[^1-9s]*/** w,",
	"deny /proc/{acpi,bus,fs,irq,scsi,tty}{,/**} wklx,",
	"deny /sys/{firmware,kernel/security,devices/virtual/powercap}/** rwklx,",
};

int apparmor_shared_text(const char *name, struct buf *out, struct err *e)
{
	buf_printf(out, "profile \"%s\" flags=(attach_disconnected,mediate_deleted) {\n", name);
	add_rules(out, shared_rules, ARRAY_SIZE(shared_rules));
	buf_printf(out, "  signal peer=\"%s\",\n  ptrace peer=\"%s\",\n", name, name);
	deny_others(out, "/proc/sys", shared_sys_writable, "", 0);
	deny_others(out, "/sys", shared_writable, "", 0);
	buf_puts(out, "}\n");
	return buf_error(out, e);
}
