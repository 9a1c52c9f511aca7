/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>

#include "cli/cli.h"
#include "config.h"

/* Text for roff: backslashes, hyphens that must stay ASCII, and dots or quotes at the start of a line. */
void man_text(struct buf *out, const char *s)
{
	bool bol = true;

	for (; *s; s++) {
		if (bol && (*s == '.' || *s == '\''))
			buf_puts(out, "\\&");
		bol = *s == '\n';
		if (*s == '\\')
			buf_puts(out, "\\e");
		else if (*s == '-')
			buf_puts(out, "\\-");
		else
			buf_putc(out, *s);
	}
}

static void man_description(struct buf *out, const char *s)
{
	while (*s) {
		const char *end = strstr(s, "\n\n");
		size_t len = end ? (size_t)(end - s) : strlen(s);
		_cleanup_free_ char *para = strndup(s, len);

		if (!para)
			return;
		man_text(out, para);
		buf_putc(out, '\n');
		s += len;
		if (end) {
			buf_puts(out, ".PP\n");
			s += 2;
		}
	}
}

static void man_option(struct buf *out, const struct opt *o)
{
	buf_puts(out, ".TP\n");
	if (o->letter)
		buf_printf(out, "\\fB\\-%c\\fR, ", o->letter);
	buf_puts(out, "\\fB\\-\\-");
	man_text(out, o->name);
	buf_puts(out, "\\fR");
	if (o->arg) {
		buf_printf(out, o->flags & OPT_OPTIONAL ? "[=\\fI" : "=\\fI");
		man_text(out, o->arg);
		buf_puts(out, o->flags & OPT_OPTIONAL ? "\\fR]" : "\\fR");
	}
	buf_putc(out, '\n');
	man_text(out, o->doc);
	buf_putc(out, '\n');
}

static void man_pairs(struct buf *out, const char *title, const struct text_pair *p)
{
	if (!p)
		return;
	buf_printf(out, ".SH %s\n", title);
	for (; p->a; p++) {
		buf_puts(out, ".TP\n\\fB");
		man_text(out, p->a);
		buf_puts(out, "\\fR\n");
		man_text(out, p->b);
		buf_putc(out, '\n');
	}
}

/* Those that have ALL of these FLAGS and NONE of those. */
static void man_commands(struct buf *out, unsigned all, unsigned none)
{
	buf_puts(out, ".SH COMMANDS\n");
	for (const struct command *const *p = commands; *p; p++) {
		char title[64];

		if (((*p)->flags & all) != all || (*p)->flags & none)
			continue;
		buf_puts(out, ".TP\n\\fB");
		man_text(out, command_title(*p, title));
		buf_puts(out, "\\fR\n");
		man_text(out, (*p)->summary);
		buf_puts(out, ".\n");
	}
}

static void man_page_name(const struct command *cmd, struct buf *out)
{
	if (!(cmd->flags & (CMD_LXC | CMD_HELP_FIRST)))
		buf_puts(out, "creel-");
	for (const char *s = cmd->name; *s; s++)
		buf_putc(out, *s == ' ' ? '-' : *s);
}

void help_man(const struct command *cmd, struct buf *out)
{
	_cleanup_buf_ struct buf page = BUF_INIT;
	struct opt_set sets[OPT_SETS_MAX];
	char title[64];

	man_page_name(cmd, &page);
	buf_puts(out, ".TH ");
	for (const char *s = buf_str(&page); *s; s++)
		buf_putc(out, toupper((unsigned char)*s));
	buf_printf(out, " 1 \"\" \"creel %s\" \"creel\"\n.SH NAME\n", CREEL_VERSION);
	man_text(out, buf_str(&page));
	buf_puts(out, " \\- ");
	man_text(out, cmd->summary);
	buf_puts(out, "\n.SH SYNOPSIS\n\\fB");
	man_text(out, command_title(cmd, title));
	buf_puts(out, "\\fR ");
	man_text(out, cmd->synopsis);
	buf_puts(out, "\n.SH DESCRIPTION\n");
	man_description(out, cmd->description);
	if (cmd == &cmd_creel)
		man_commands(out, 0, CMD_OCI);
	if (cmd == &cmd_oci)
		man_commands(out, CMD_OCI, 0);
	buf_puts(out, ".SH OPTIONS\n");
	cli_sets(cmd, NULL, NULL, sets);
	for (const struct opt_set *s = sets; s->rows; s++)
		for (const struct opt *o = s->rows; o->name; o++)
			if (!(o->flags & OPT_HIDDEN))
				man_option(out, o);
	man_pairs(out, "EXAMPLES", cmd->examples);
	man_pairs(out, "EXIT STATUS", cmd->exits);
	buf_puts(out, ".SH SEE ALSO\n");
	man_text(out, cmd->see_also ?: "creel(1), lxc.container.conf(5)");
	buf_putc(out, '\n');
}
