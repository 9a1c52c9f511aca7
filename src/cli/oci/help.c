/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "cli/oci/oci-cli.h"

/* Paragraphs at three blanks, wrapped. */
static void paragraph(struct buf *out, const char *text)
{
	size_t at = 0;

	while (*text) {
		size_t len = strcspn(text, " \n");

		if (at && at + len + 1 > 76) {
			buf_puts(out, "\n");
			at = 0;
		}
		if (len) {
			buf_puts(out, at ? " " : "   ");
			buf_add(out, text, len);
			at += len + 1;
		}
		text += len;
		if (*text == '\n') {
			buf_putc(out, '\n');
			at = 0;
		}
		if (*text)
			text++;
	}
	buf_putc(out, '\n');
}

static void option(struct buf *out, const struct opt *o)
{
	char names[128], letter[48] = "";
	const char *blank = o->arg ? " value" : "";

	if (o->letter)
		snprintf(letter, sizeof(letter), ", -%c%s", o->letter, blank);
	snprintf(names, sizeof(names), "--%s%s%s", o->name, blank, letter);
	buf_printf(out, "   %-34s %s\n", names, o->doc);
}

static void verbs(struct buf *out)
{
	buf_puts(out, "\nCOMMANDS:\n");
	for (const struct command *const *p = commands; *p; p++)
		if ((*p)->flags & CMD_OCI)
			buf_printf(out, "   %-10s  %s\n", startswith((*p)->name, "oci-"), (*p)->summary);
}

void verb_help(const struct command *cmd, const char *prog, struct buf *out)
{
	const char *verb = startswith(cmd->name, "oci-");
	struct opt_set sets[OPT_SETS_MAX];

	buf_printf(out, "NAME:\n   %s%s%s - %s\n\nUSAGE:\n   %s%s%s %s\n\nDESCRIPTION:\n", prog, verb ? " " : "",
		   verb ?: "", cmd->summary, prog, verb ? " " : "", verb ?: "", cmd->synopsis);
	paragraph(out, cmd->description);
	if (!verb)
		verbs(out);
	buf_puts(out, verb ? "\nOPTIONS:\n" : "\nGLOBAL OPTIONS:\n");
	cli_sets(cmd, NULL, NULL, sets);
	for (const struct opt_set *s = sets; s->rows; s++)
		for (const struct opt *o = s->rows; o->name; o++)
			if (!(o->flags & OPT_HIDDEN))
				option(out, o);
}
