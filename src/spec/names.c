/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/names.h"
#include "base/parse.h"
#include "spec/field.h"

const char *const spec_ns_names[] = {
	[NS_USER] = "user", [NS_MNT] = "mnt",	    [NS_PID] = "pid",	[NS_UTS] = "uts", [NS_IPC] = "ipc",
	[NS_NET] = "net",   [NS_CGROUP] = "cgroup", [NS_TIME] = "time", [NS_MAX] = NULL,
};

const char *const spec_hook_names[] = {
	[HOOK_PRE_START] = "pre-start",
	[HOOK_PRE_MOUNT] = "pre-mount",
	[HOOK_MOUNT] = "mount",
	[HOOK_AUTODEV] = "autodev",
	[HOOK_START_HOST] = "start-host",
	[HOOK_START] = "start",
	[HOOK_STOP] = "stop",
	[HOOK_POST_STOP] = "post-stop",
	[HOOK_CLONE] = "clone",
	[HOOK_DESTROY] = "destroy",
	[HOOK_MAX] = NULL,
};

const char *const spec_moment_names[] = {
	"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop", NULL
};

const char *const spec_seccomp_actions[] = { "allow", "errno",	"kill",	 "kill_process", "kill_thread",
					     "log",   "notify", "trace", "trap",	 NULL };

const char *const spec_net_type_names[] = {
	[NET_NONE] = "none",	 [NET_EMPTY] = "empty", [NET_VETH] = "veth", [NET_MACVLAN] = "macvlan",
	[NET_IPVLAN] = "ipvlan", [NET_VLAN] = "vlan",	[NET_PHYS] = "phys", [NET_PHYS + 1] = NULL,
};

const char *const spec_arch_names[] = {
	"arm",	   "armel",   "armhf",	 "armv7l",    "athlon",	 "i386",	"i486",	  "i586",
	"i686",	   "linux32", "mips",	 "mipsel",    "ppc",	 "powerpc",	"x32",	  "x86",
	"aarch64", "amd64",   "arm64",	 "linux64",   "loong64", "loongarch64", "mips64", "mips64el",
	"ppc64",   "ppc64el", "ppc64le", "powerpc64", "riscv64", "s390x",	"x86_64", NULL,
};

int spec_net_type(const char *name)
{
	for (int i = 0; spec_net_type_names[i]; i++)
		if (streq(spec_net_type_names[i], name))
			return i;
	return -EINVAL;
}

static const struct name signals[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },	  { "QUIT", SIGQUIT },	   { "ILL", SIGILL },	{ "TRAP", SIGTRAP },
	{ "ABRT", SIGABRT }, { "IOT", SIGIOT },	  { "BUS", SIGBUS },	   { "FPE", SIGFPE },	{ "KILL", SIGKILL },
	{ "USR1", SIGUSR1 }, { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 },	   { "PIPE", SIGPIPE }, { "ALRM", SIGALRM },
	{ "TERM", SIGTERM }, { "STKFLT", 16 },	  { "CHLD", SIGCHLD },	   { "CLD", SIGCHLD },	{ "CONT", SIGCONT },
	{ "STOP", SIGSTOP }, { "TSTP", SIGTSTP }, { "TTIN", SIGTTIN },	   { "TTOU", SIGTTOU }, { "URG", SIGURG },
	{ "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH },
	{ "IO", SIGIO },     { "POLL", SIGPOLL }, { "PWR", SIGPWR },	   { "SYS", SIGSYS },	{ NULL },
};

int signal_parse(const char *s, int *ret)
{
	const struct name *row;
	const char *name, *off;
	uint32_t n = 0;
	int sig;

	if (*s >= '0' && *s <= '9') {
		if (parse_u32(s, &n) < 0 || !n || n > (uint32_t)SIGRTMAX)
			return -EINVAL;
		*ret = (int)n;
		return 0;
	}
	name = startswith(s, "SIG") ?: s;
	row = name_find(signals, name);
	if (row) {
		*ret = (int)row->value;
		return 0;
	}
	off = startswith(name, "RTMIN");
	sig = SIGRTMIN;
	if (!off) {
		off = startswith(name, "RTMAX");
		sig = SIGRTMAX;
	}
	if (!off)
		return -EINVAL;
	if (*off) {
		if (*off != (sig == SIGRTMIN ? '+' : '-') || parse_u32(off + 1, &n) < 0 ||
		    n > (uint32_t)(SIGRTMAX - SIGRTMIN))
			return -EINVAL;
	}
	*ret = sig == SIGRTMIN ? sig + (int)n : sig - (int)n;
	return 0;
}

const char *signal_name(int sig, char buf[static 16])
{
	const char *name = name_of(signals, sig);

	if (name)
		snprintf(buf, 16, "SIG%s", name);
	else if (sig == SIGRTMIN)
		snprintf(buf, 16, "SIGRTMIN");
	else if (sig > SIGRTMIN && sig <= SIGRTMAX)
		snprintf(buf, 16, "SIGRTMIN+%d", sig - SIGRTMIN);
	else
		snprintf(buf, 16, "%d", sig);
	return buf;
}
