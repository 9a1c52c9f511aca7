/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "cli/cli.h"

/* Container names come from the tool itself, so that they are always true. */
#define NAMES "lxc-ls -1 2>/dev/null"

static void each_option(const struct command *cmd, struct buf *out,
			void (*fn)(struct buf *out, const struct command *cmd, const struct opt *o))
{
	struct opt_set sets[OPT_SETS_MAX];

	cli_sets(cmd, NULL, NULL, sets);
	for (const struct opt_set *s = sets; s->rows; s++)
		for (const struct opt *o = s->rows; o->name; o++)
			if (!(o->flags & OPT_HIDDEN))
				fn(out, cmd, o);
}

/* Text within '...' of a shell. */
static void quoted(struct buf *out, const char *s)
{
	for (; *s; s++)
		if (*s == '\'')
			buf_puts(out, "'\\''");
		else
			buf_putc(out, *s);
}

/* --- bash: one case a command, options and the arguments of options ------------------------------------------------ */

static void bash_option(struct buf *out, const struct command *cmd, const struct opt *o)
{
	if (o->letter)
		buf_printf(out, " -%c", o->letter);
	buf_printf(out, " --%s", o->name);
}

static void bash_argument(struct buf *out, const struct command *cmd, const struct opt *o)
{
	const char *q = strchr(cmd->name, ' ') ? "'" : "";

	if (!o->arg || o->complete == COMPLETE_NONE)
		return;
	buf_printf(out, "\t\t%s%s:--%s%s", q, cmd->name, o->name, q);
	if (o->letter)
		buf_printf(out, "|%s%s:-%c%s", q, cmd->name, o->letter, q);
	buf_puts(out, ") ");
	if (o->complete == COMPLETE_FILE)
		buf_puts(out, "COMPREPLY=($(compgen -f -- \"$cur\"))");
	else if (o->complete == COMPLETE_DIR)
		buf_puts(out, "COMPREPLY=($(compgen -d -- \"$cur\"))");
	else if (o->complete == COMPLETE_NAME)
		buf_puts(out, "COMPREPLY=($(compgen -W \"$(" NAMES ")\" -- \"$cur\"))");
	else
		buf_printf(out, "COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", o->words);
	buf_puts(out, "; return ;;\n");
}

/* Words that have verbs of their own, where the program has such. */
static const char *const groups[] = { "builder", "container", "context", "image", "network", "system", "volume" };
#define GROUPS "builder container context image network system volume"

static void bash_groups(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		buf_printf(out, "\t%s) words='", groups[i]);
		for (const struct command *const *p = commands; *p; p++) {
			const char *rest = startswith((*p)->name, groups[i]);

			if (rest && *rest == ' ')
				buf_puts(out, rest);
		}
		buf_puts(out, "' ;;\n");
	}
}

static void complete_bash(struct buf *out)
{
	buf_puts(out,
		 "# bash completion for creel and the lxc-* commands; made from the commands' option tables\n"
		 "_creel()\n{\n"
		 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[0]##*/}\n"
		 "\tif [[ $cmd == creel && ${COMP_WORDS[1]} == lxc ]]; then\n"
		 "\t\tcmd=lxc-${COMP_WORDS[2]}\n"
		 "\telif [[ $cmd == creel && ${COMP_WORDS[1]} == oci && $COMP_CWORD -gt 2 ]]; then\n"
		 "\t\tcmd=oci-${COMP_WORDS[2]}\n"
		 "\telif [[ $cmd == creel-oci && $COMP_CWORD -gt 1 ]]; then\n"
		 "\t\tcmd=oci-${COMP_WORDS[1]}\n"
		 "\telif [[ $cmd == creel-oci ]]; then\n"
		 "\t\tcmd=oci\n"
		 "\telif [[ $cmd == creel && $COMP_CWORD -gt 2 && ' " GROUPS " ' == *\" "
		 "${COMP_WORDS[1]} \"* ]]; then\n"
		 "\t\tcmd=\"${COMP_WORDS[1]} ${COMP_WORDS[2]}\"\n"
		 "\telif [[ $cmd == creel && $COMP_CWORD -gt 1 ]]; then\n"
		 "\t\tcmd=${COMP_WORDS[1]}\n"
		 "\tfi\n"
		 "\tCOMPREPLY=()\n"
		 "\tcase $cmd:$prev in\n");
	for (const struct command *const *p = commands; *p; p++)
		each_option(*p, out, bash_argument);
	buf_puts(out, "\tesac\n\tlocal words=\n\tcase $cmd in\n");
	for (const struct command *const *p = commands; *p; p++) {
		buf_printf(out, strchr((*p)->name, ' ') ? "\t'%s') words='" : "\t%s) words='", (*p)->name);
		each_option(*p, out, bash_option);
		buf_putc(out, '\'');
		if ((*p)->flags & (CMD_NAME | CMD_NAMES))
			buf_puts(out, "; [[ $cur == -* ]] || words=$(" NAMES ")");
		else if ((*p)->operand_words)
			buf_printf(out, "; [[ $cur == -* ]] || words='%s'", (*p)->operand_words);
		buf_puts(out, " ;;\n");
	}
	bash_groups(out);
	buf_puts(out, "\tcreel) words='lxc help");
	for (const struct command *const *p = commands; *p; p++)
		if (!((*p)->flags & CMD_OCI) && !strchr((*p)->name, ' '))
			buf_printf(out, " %s", (*p)->name);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		buf_printf(out, " %s", groups[i]);
	buf_puts(out, "' ;;\n\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
		      "complete -F _creel creel creel-oci");
	for (const struct command *const *p = commands; *p; p++)
		if ((*p)->flags & CMD_LXC)
			buf_printf(out, " %s", (*p)->name);
	buf_putc(out, '\n');
}

/* --- zsh: _arguments specs ----------------------------------------------------------------------------------------- */

static void zsh_doc(struct buf *out, const char *s)
{
	for (; *s; s++)
		if (*s == '\'')
			buf_puts(out, "'\\''");
		else if (strchr("[]:\\", *s))
			buf_printf(out, "\\%c", *s);
		else
			buf_putc(out, *s);
}

static void zsh_spec(struct buf *out, const struct opt *o, const char *dashes, const char *name, const char *eq)
{
	buf_printf(out, "\t\t'%s%s%s%s[", o->kind == OPT_LIST ? "*" : "", dashes, name, o->arg ? eq : "");
	zsh_doc(out, o->doc);
	buf_putc(out, ']');
	if (o->arg) {
		buf_printf(out, "%s%s:", o->flags & OPT_OPTIONAL ? "::" : ":", o->arg);
		if (o->complete == COMPLETE_FILE)
			buf_puts(out, "_files");
		else if (o->complete == COMPLETE_DIR)
			buf_puts(out, "_files -/");
		else if (o->complete == COMPLETE_NAME)
			buf_puts(out, "_creel_names");
		else if (o->complete == COMPLETE_WORDS)
			buf_printf(out, "(%s)", o->words);
	}
	buf_puts(out, "' \\\n");
}

static void zsh_option(struct buf *out, const struct command *cmd, const struct opt *o)
{
	char letter[2] = { o->letter, '\0' };

	if (o->letter)
		zsh_spec(out, o, "-", letter, "+");
	zsh_spec(out, o, "--", o->name, "=");
}

static void zsh_groups(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		buf_printf(out, "\t%s) local -a verbs=(\n", groups[i]);
		for (const struct command *const *p = commands; *p; p++) {
			const char *rest = startswith((*p)->name, groups[i]);

			if (!rest || *rest != ' ')
				continue;
			buf_printf(out, "\t\t'%s:", rest + 1);
			quoted(out, (*p)->summary);
			buf_puts(out, "'\n");
		}
		buf_puts(out, "\t\t)\n\t\t_describe command verbs ;;\n");
	}
}

static void complete_zsh(struct buf *out)
{
	buf_puts(out, "#compdef creel creel-oci");
	for (const struct command *const *p = commands; *p; p++)
		if ((*p)->flags & CMD_LXC)
			buf_printf(out, " %s", (*p)->name);
	buf_puts(out, "\n_creel_names() { compadd -- ${(f)\"$(" NAMES ")\"} }\n_creel_of()\n{\n\tcase $1 in\n");
	for (const struct command *const *p = commands; *p; p++) {
		buf_printf(out, strchr((*p)->name, ' ') ? "\t'%s') _arguments -s \\\n" : "\t%s) _arguments -s \\\n",
			   (*p)->name);
		each_option(*p, out, zsh_option);
		if ((*p)->flags & (CMD_NAME | CMD_NAMES))
			buf_puts(out, "\t\t'1:container:_creel_names' '*::command:_normal' ;;\n");
		else if ((*p)->operand_words)
			buf_printf(out, "\t\t'1:what:(%s)' ;;\n", (*p)->operand_words);
		else
			buf_puts(out, "\t\t'*:argument:' ;;\n");
	}
	zsh_groups(out);
	buf_puts(out, "\tesac\n}\n_creel()\n{\n\tlocal name=${service:-creel}\n"
		      "\tif [[ $name == creel ]]; then\n\t\tif (( CURRENT == 2 )); then\n\t\t\tlocal -a all=(\n");
	for (const struct command *const *p = commands; *p; p++) {
		if ((*p)->flags & CMD_OCI || strchr((*p)->name, ' '))
			continue;
		buf_printf(out, "\t\t\t\t'%s:", (*p)->name);
		quoted(out, (*p)->summary);
		buf_puts(out, "'\n");
	}
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		buf_printf(out, "\t\t\t\t'%s:commands for these'\n", groups[i]);
	buf_puts(out,
		 "\t\t\t)\n\t\t\t_describe command all\n\t\t\treturn\n\t\tfi\n"
		 "\t\tname=$words[2]\n\t\tshift words\n\t\t(( CURRENT-- ))\n\tfi\n"
		 "\t[[ $name == creel-oci ]] && name=oci\n"
		 "\tif [[ ' " GROUPS " ' == *\" $name \"* ]] && (( CURRENT > 2 )); then\n\t\tname=\"$name $words[2]\"\n"
		 "\t\tshift words\n\t\t(( CURRENT-- ))\n\tfi\n"
		 "\tif [[ $name == oci ]] && (( CURRENT > 2 )); then\n\t\tname=oci-$words[2]\n"
		 "\t\tshift words\n\t\t(( CURRENT-- ))\n\tfi\n\t_creel_of $name\n}\n"
		 "_creel \"$@\"\n");
}

/* --- fish: one file a program --------------------------------------------------------------------------------------- */

static void fish_head(struct buf *out, const struct command *cmd)
{
	if (cmd->flags & CMD_LXC)
		buf_printf(out, "complete -c %s", cmd->name);
	else if (cmd->flags & CMD_OCI)
		buf_printf(out,
			   "complete -c creel -n '__fish_seen_subcommand_from oci; and __fish_seen_subcommand_from %s'",
			   cmd->name + strlen("oci-"));
	else if (strchr(cmd->name, ' '))
		buf_printf(
			out,
			"complete -c creel -n '__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %s'",
			(int)strcspn(cmd->name, " "), cmd->name, strchr(cmd->name, ' ') + 1);
	else
		buf_printf(out, "complete -c creel -n '__fish_seen_subcommand_from %s'", cmd->name);
}

static void fish_option(struct buf *out, const struct command *cmd, const struct opt *o)
{
	fish_head(out, cmd);
	if (o->letter)
		buf_printf(out, " -s %c", o->letter);
	buf_printf(out, " -l %s", o->name);
	if (o->arg && o->complete == COMPLETE_FILE)
		buf_puts(out, " -rF");
	else if (o->arg && o->complete == COMPLETE_DIR)
		buf_puts(out, " -xa '(__fish_complete_directories)'");
	else if (o->arg && o->complete == COMPLETE_NAME)
		buf_puts(out, " -xa '(" NAMES ")'");
	else if (o->arg && o->complete == COMPLETE_WORDS)
		buf_printf(out, " -xa '%s'", o->words);
	else if (o->arg)
		buf_puts(out, " -x");
	buf_puts(out, " -d '");
	for (const char *s = o->doc; *s; s++) {
		if (*s == '\'')
			buf_putc(out, '\\');
		buf_putc(out, *s);
	}
	buf_puts(out, "'\n");
}

static void fish_of(struct buf *out, const struct command *cmd)
{
	_cleanup_buf_ struct buf cond = BUF_INIT;

	fish_head(&cond, cmd);
	if (cmd->flags & (CMD_NAME | CMD_NAMES))
		buf_printf(out, "%s -fa '(" NAMES ")'\n", buf_str(&cond));
	else if (cmd->operand_words)
		buf_printf(out, "%s -fa '%s'\n", buf_str(&cond), cmd->operand_words);
	each_option(cmd, out, fish_option);
}

static void complete_fish(struct buf *out, const struct command *only)
{
	if (only && only->flags & CMD_LXC) {
		fish_of(out, only);
		return;
	}
	for (const struct command *const *p = commands; *p; p++) {
		const char *verb = strchr((*p)->name, ' ');

		if (verb) {
			buf_printf(out, "complete -c creel -n '__fish_seen_subcommand_from %.*s' -fa %s -d '",
				   (int)(verb - (*p)->name), (*p)->name, verb + 1);
			quoted(out, (*p)->summary);
			buf_puts(out, "'\n");
		} else if (!((*p)->flags & CMD_OCI)) {
			buf_printf(out, "complete -c creel -n __fish_use_subcommand -fa %s -d '", (*p)->name);
			quoted(out, (*p)->summary);
			buf_puts(out, "'\n");
		}
		if (!((*p)->flags & CMD_LXC))
			fish_of(out, *p);
	}
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		buf_printf(out, "complete -c creel -n __fish_use_subcommand -fa %s -d 'Commands for these'\n",
			   groups[i]);
}

int help_completion(const char *shell, const struct command *cmd, struct buf *out, struct err *e)
{
	if (streq(shell, "bash"))
		complete_bash(out);
	else if (streq(shell, "zsh"))
		complete_zsh(out);
	else if (streq(shell, "fish"))
		complete_fish(out, cmd);
	else
		return err_kind(e, ERR_INVALID, -EINVAL, "unknown shell '%s': bash, zsh or fish", shell);
	return buf_error(out, e);
}
