/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* lxc.container.conf(5), from the dialect's key table and the model's field table. */

#include <stdio.h>

#include "cli/cli.h"
#include "config.h"
#include "dialect/lxc/doc.h"

/* How the rest of a family's keys is called. */
static const struct text_pair families[] = {
	{ "lxc.cgroup.", "CONTROL" },	{ "lxc.cgroup2.", "CONTROL" },
	{ "lxc.prlimit.", "RESOURCE" }, { "lxc.proc.", "FILE" },
	{ "lxc.sysctl.", "NAME" },	{ "lxc.namespace.share.", "NS" },
	{ "lxc.net.", "N.KEY" },	{ "lxc.limit.", "RESOURCE" },
	{ "lxc.network.", "KEY" },	{ NULL, NULL },
};

/* What no field says: keys that are the reader's own. */
static const struct text_pair meanings[] = {
	{ "lxc.include", "another file to read here, or a folder whose *.conf are read in order" },
	{ "lxc.hook", "empty only: forgets all hooks" },
	{ "lxc.net.", "one network interface; N numbers them, the keys are below" },
	{ "lxc.cgroup.", "a control file in the words of version 1; translated where the host has version 2" },
	{ "lxc.cgroup2.", "a control file in the words of version 2; translated where the host has version 1" },
	{ "lxc.prlimit.", "a resource limit of init, SOFT or SOFT:HARD" },
	{ "lxc.proc.", "a file of /proc/PID of init and what is written to it" },
	{ "lxc.sysctl.", "a kernel parameter of the container's own" },
	{ "lxc.namespace.share.", "share a name space: container, process id or path" },
	{ "lxc.mount.entry", "one mount, as a line of fstab(5)" },
	{ "lxc.signal.halt", "asks init to halt; SIGPWR unless init is known to want another" },
	{ "lxc.signal.reboot", "asks init to reboot; SIGINT when not said" },
	{ "lxc.signal.stop", "ends the container at once; SIGKILL when not said" },
	{ "lxc.init.cmd", "command line of init; /sbin/init when not said" },
	{ "lxc.hook.pre-start", "a command on the host before anything is made" },
	{ "lxc.hook.pre-mount", "a command in the container's mount name space before its root is mounted" },
	{ "lxc.hook.mount", "a command there after the mounts, before the change of root" },
	{ "lxc.hook.autodev", "a command there after /dev is filled" },
	{ "lxc.hook.start-host", "a command on the host when the container is set up, before init" },
	{ "lxc.hook.start", "a command in the container just before init" },
	{ "lxc.hook.stop", "a command on the host when init is gone, its name spaces still open" },
	{ "lxc.hook.post-stop", "a command on the host when all is gone" },
	{ "lxc.hook.clone", "a command on the host after a copy was made" },
	{ "lxc.hook.destroy", "a command on the host before a container is destroyed" },
	{ "lxc.idmap", "a range of ids: u or g, first id inside, first id on the host, how many" },
	{ NULL, NULL },
};

static const char *pair_find(const struct text_pair *p, const char *key)
{
	for (; p->a; p++)
		if (streq(p->a, key))
			return p->b;
	return NULL;
}

static void put_key(struct buf *out, const char *prefix, const char *key)
{
	const char *rest = pair_find(families, key);

	buf_puts(out, prefix);
	buf_puts(out, key);
	if (rest)
		buf_puts(out, rest);
}

/* The kind of value in a few words, where the meaning alone does not say it. */
static void put_kind(struct buf *out, const struct field *f)
{
	if (!f)
		return;
	switch (f->type) {
	case FT_TRI:
		buf_puts(out, " 0 or 1.");
		break;
	case FT_ENUM:
		buf_puts(out, " One of");
		for (const char *const *n = f->names; n && *n; n++)
			buf_printf(out, "%s %s", n == f->names ? "" : ",", *n);
		buf_putc(out, '.');
		break;
	case FT_SIGNAL:
		buf_puts(out, " A signal by name or number: SIGPWR, SIGRTMIN+3, 9.");
		break;
	case FT_NS_MASK:
		buf_puts(out, " Names out of user, mnt, pid, uts, ipc, net, cgroup, time.");
		break;
	case FT_PATH:
		buf_puts(out, f->flags & F_ABS ? " An absolute path." : " A path.");
		break;
	case FT_U64:
		buf_puts(out, f->flags & F_UNIT ? " A size: bytes, or with kB, MB, GB." : "");
		break;
	case FT_STRV:
	case FT_LIST:
		buf_puts(out, " May be repeated.");
		break;
	default:
		break;
	}
}

static void put_row(struct buf *out, const char *prefix, const struct lxc_doc *d)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *meaning = pair_find(meanings, d->key) ?: (d->field ? d->field->doc : NULL);

	buf_puts(out, ".TP\n\\fB");
	put_key(&text, prefix, d->key);
	man_text(out, buf_str(&text));
	buf_puts(out, "\\fR\n");
	buf_reset(&text);
	if (meaning)
		buf_printf(&text, "%c%s.", (meaning[0] >= 'a' && meaning[0] <= 'z') ? meaning[0] - 0x20 : meaning[0],
			   meaning + 1);
	put_kind(&text, d->field);
	if (d->def && (!d->field || d->field->type != FT_SIGNAL))
		buf_printf(&text, " Default: %s.", d->def);
	man_text(out, buf_str(&text));
	buf_putc(out, '\n');
}

static void put_legacy(struct buf *out, const struct lxc_doc *d)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_puts(out, ".TP\n\\fB");
	put_key(&text, "", d->key);
	man_text(out, buf_str(&text));
	buf_puts(out, "\\fR\n");
	buf_reset(&text);
	if (d->now[0])
		put_key(&text, "is now ", d->now);
	else
		buf_puts(&text, "has no meaning any more");
	man_text(out, buf_str(&text));
	buf_puts(out, ".\n");
}

void help_man_conf(struct buf *out)
{
	struct lxc_doc d;

	buf_printf(out, ".TH LXC.CONTAINER.CONF 5 \"\" \"creel %s\" \"creel\"\n", CREEL_VERSION);
	buf_puts(out, ".SH NAME\nlxc.container.conf \\- what a container is\n"
		      ".SH DESCRIPTION\n"
		      "LXCPATH/NAME/config says what the container NAME is, one \\fIkey\\fR = \\fIvalue\\fR a line. "
		      "Blanks around "
		      "both are ignored, one pair of quotes around the value is taken off. Lines that begin with # are "
		      "comments, "
		      "lines that do not begin with lxc. are ignored. An empty value clears what was said before.\n"
		      ".PP\nAn unknown key or a wrong value refuses the whole file, with its line number, what was "
		      "expected and the "
		      "nearest known key. The order of keys does not matter, that of repeated ones does.\n"
		      ".SH KEYS\n");
	for (size_t i = 0; lxc_doc_key(i, &d) == 0; i++)
		if (!d.now)
			put_row(out, "", &d);
	buf_puts(out, ".SH NETWORK\nlxc.net without a number, empty, forgets all interfaces. Without any lxc.net key "
		      "the container "
		      "has a loopback only.\n");
	for (size_t i = 0; lxc_doc_net_key(i, &d) == 0; i++)
		put_row(out, "lxc.net.N.", &d);
	buf_puts(out, ".SH OLD NAMES\nStill understood:\n");
	for (size_t i = 0; lxc_doc_key(i, &d) == 0; i++)
		if (d.now)
			put_legacy(out, &d);
	buf_puts(out, ".SH FILES\n.TP\n\\fB" CREEL_SYSCONFDIR
		      "/lxc/default.conf\\fR\nWhat new containers begin with.\n.TP\n\\fB" CREEL_DATADIR
		      "/lxc/config\\fR\nFiles to include.\n.SH SEE ALSO\ncreel(1), lxc\\-create(1), lxc\\-start(1), "
		      "creel\\-show(1)\n");
}
