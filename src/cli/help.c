/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "cli/cli.h"

#define WIDTH	  80
#define DOC_COL	  26
#define USAGE_MAX 100

const char *command_title(const struct command *cmd, char buf[static 64])
{
	if (cmd->flags & (CMD_LXC | CMD_HELP_FIRST))
		return cmd->name;
	if (cmd->flags & CMD_OCI) {
		snprintf(buf, 64, "creel-oci %s", cmd->name + strlen("oci-"));
		return buf;
	}
	if (cmd == &cmd_oci)
		return "creel-oci";
	snprintf(buf, 64, "creel %s", cmd->name);
	return buf;
}

/* Words of TEXT from column COL on, continued at INDENT. A newline in TEXT is kept. */
static void wrap(struct buf *out, const char *text, size_t col, size_t indent)
{
	size_t at = col;

	while (*text) {
		size_t len = strcspn(text, " \n");

		if (at > indent && at + len + 1 > WIDTH) {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			buf_putc(out, ' ');
			at++;
		}
		buf_add(out, text, len);
		at += len;
		text += len;
		if (*text == '\n') {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
		}
		if (*text)
			text++;
	}
	buf_putc(out, '\n');
}

static void help_row(struct buf *out, const struct opt *o)
{
	size_t start = out->len, col;

	if (o->letter)
		buf_printf(out, "  -%c, --%s", o->letter, o->name);
	else
		buf_printf(out, "      --%s", o->name);
	if (o->arg)
		buf_printf(out, o->flags & OPT_OPTIONAL ? "[=%s]" : "=%s", o->arg);
	col = out->len - start;
	if (col + 2 > DOC_COL) {
		buf_putc(out, '\n');
		col = 0;
	}
	buf_printf(out, "%*s", (int)(DOC_COL - col), "");
	wrap(out, o->doc, DOC_COL, DOC_COL);
}

static void help_pairs(struct buf *out, const char *title, const struct text_pair *p, unsigned width)
{
	if (!p)
		return;
	buf_printf(out, "\n%s:\n", title);
	for (; p->a; p++) {
		if (width) {
			buf_printf(out, "  %-*s", width, p->a);
			wrap(out, p->b, width + 2, width + 2);
		} else {
			buf_printf(out, "  %s\n      ", p->a);
			wrap(out, p->b, 6, 6);
		}
	}
}

static void help_commands(struct buf *out, const char *title, unsigned lxc)
{
	buf_printf(out, "\n%s:\n", title);
	for (const struct command *const *p = commands; *p; p++)
		if (((*p)->flags & (CMD_LXC | CMD_OCI)) == lxc)
			buf_printf(out, "  %-18s %s\n", (*p)->name, (*p)->summary);
}

void help_text(const struct command *cmd, struct buf *out)
{
	struct opt_set sets[OPT_SETS_MAX];
	char title[64];

	buf_printf(out, "Usage: %s %s\n\n", command_title(cmd, title), cmd->synopsis);
	wrap(out, cmd->description, 0, 0);
	if (cmd == &cmd_creel) {
		help_commands(out, "Commands", 0);
		help_commands(out, "LXC's commands (by these names, or as 'creel lxc NAME')", CMD_LXC);
	}
	cli_sets(cmd, NULL, NULL, sets);
	buf_puts(out, "\nOptions:\n");
	for (const struct opt_set *s = sets; s->rows; s++)
		for (const struct opt *o = s->rows; o->name; o++)
			if (!(o->flags & OPT_HIDDEN))
				help_row(out, o);
	help_pairs(out, "Examples", cmd->examples, 0);
	help_pairs(out, "Exit codes", cmd->exits, 6);
}

void help_usage(const struct command *cmd, const char *prog, struct buf *out)
{
	struct opt_set sets[OPT_SETS_MAX];
	size_t col;

	buf_printf(out, "Usage: %s", prog);
	col = out->len;
	cli_sets(cmd, NULL, NULL, sets);
	for (const struct opt_set *s = sets; s->rows; s++)
		for (const struct opt *o = s->rows; o->name; o++) {
			size_t start;

			if (o->flags & OPT_HIDDEN)
				continue;
			if (col > USAGE_MAX - 20) {
				buf_puts(out, "\n\t");
				col = 8;
			} else {
				buf_putc(out, ' ');
			}
			start = out->len;
			buf_putc(out, '[');
			if (o->letter)
				buf_printf(out, "-%c|", o->letter);
			buf_printf(out, "--%s", o->name);
			if (o->arg)
				buf_printf(out, o->flags & OPT_OPTIONAL ? "[=%s]" : "=%s", o->arg);
			buf_putc(out, ']');
			col += out->len - start + 1;
		}
	buf_putc(out, '\n');
}
