/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* lxc-start-ephemeral, the lxc-copy -e of LXC 0.9 to 2.0: thin words for the same. */

#include <stdio.h>

#include "cli/lxc/lxc-cli.h"
#include "engine/copy.h"

struct args {
	const char *orig, *name, *user, *key, *storage, *type;
	struct strv bdirs, cdirs;
	bool daemon, keep_data;
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = {
	{ 'o', "orig", "NAME", "The container that is copied.", OPT_STR, AT(orig), .complete = COMPLETE_NAME },
	{ 'n', "name", "NEWNAME", "Name of the copy; the original's and six letters by default.", OPT_STR, AT(name) },
	{ 'b', "bdir", "DIR", "Give it this directory of the host, to read and write.", OPT_LIST, AT(bdirs),
	  .complete = COMPLETE_DIR },
	{ 'c', "cdir", "DIR", "Give it this directory of the host, with what it changes kept to itself.", OPT_LIST,
	  AT(cdirs), .complete = COMPLETE_DIR },
	{ 'u', "user", "USER", "Run the command as USER of the container.", OPT_STR, AT(user) },
	{ 'S', "key", "FILE", "Accepted: commands are run in it directly, without ssh.", OPT_STR, AT(key) },
	{ 'd', "daemon", NULL, "Return as soon as it runs.", OPT_BOOL, AT(daemon), 1 },
	{ 's', "storage-type", "TYPE", "Where what it changes is kept: tmpfs, the default, or dir.", OPT_STR,
	  AT(storage), .complete = COMPLETE_WORDS, .words = "tmpfs dir" },
	{ 'U', "union-type", "TYPE", "How the layers are joined: overlayfs.", OPT_STR, AT(type),
	  .complete = COMPLETE_WORDS, .words = "overlayfs" },
	{ 'k', "keep-data", NULL, "Do not destroy it when it stops; implies dir.", OPT_BOOL, AT(keep_data), 1 },
	OPT_END
};

static int add_mounts(struct buf *b, const char *kind, const struct strv *dirs, struct err *e)
{
	for (size_t i = 0; i < dirs->n; i++)
		buf_printf(b, "%s%s=%s", b->len ? "," : "", kind, dirs->v[i]);
	return buf_error(b, e);
}

static void say_started(const struct container *ct)
{
	printf("The ephemeral container is now started.\n\n"
	       "You can enter it from the command line with: lxc-console -n %s\n",
	       ct->name);
}

/* The command, or a shell, as the user; then it is stopped. */
static int work_in_it(struct container *ct, const struct args *a, char *const *argv, int *ret_status, struct err *e)
{
	struct attach_opts o = ATTACH_OPTS_INIT;
	struct stop_opts stop = { .timeout_s = 60 };
	_cleanup_strv_ struct strv su = STRV_INIT;
	int r = container_refresh(ct, e);

	if (r == 0 && a->user) {
		r = strv_push(&su, "su", e);
		if (r == 0)
			r = strv_push(&su, "-", e);
		if (r == 0)
			r = strv_push(&su, a->user, e);
		if (r == 0 && argv) {
			_cleanup_free_ char *line = NULL;
			struct strv words = { .v = (char **)argv };

			while (argv[words.n])
				words.n++;
			line = lxc_join(&words, " ");
			r = line ? strv_push(&su, "-c", e) : err_oom(e);
			if (r == 0)
				r = strv_push(&su, line, e);
		}
		argv = su.v;
	}
	o.argv = argv;
	if (r == 0)
		r = container_attach(ct, &o, ret_status, e);
	stop.kill = r < 0;
	if (r < 0) {
		(void)container_stop(ct, &stop, NULL);
		return r;
	}
	r = container_stop(ct, &stop, e);
	return r == -ESRCH ? 0 : r; /* the command may have stopped it */
}

static int start(struct cli *c, const struct args *a, int *ret_status, struct err *e)
{
	_cleanup_(container_freep) struct container *ct = NULL, *to = NULL;
	_cleanup_buf_ struct buf mounts = BUF_INIT;
	struct ephemeral_opts o = { .copy = { .name = a->name }, .keep_data = a->keep_data };
	struct start_opts so = START_OPTS_INIT;
	int r = add_mounts(&mounts, "bind", &a->bdirs, e);

	if (r == 0)
		r = add_mounts(&mounts, "overlay", &a->cdirs, e);
	if (r == 0)
		r = container_open(c->engine, a->orig, NULL, 0, &ct, e);
	if (r < 0)
		return r;
	if (!ct->defined)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "Base container '%s' doesn't exist", a->orig);
	o.mounts = mounts.len ? buf_str(&mounts) : NULL;
	o.tmpfs = !a->keep_data && (!a->storage || streq(a->storage, "tmpfs"));
	r = container_ephemeral(ct, &o, &to, e);
	if (r < 0 || !to)
		return r;
	r = container_start(to, &so, ret_status, e);
	if (r < 0) {
		if (!a->keep_data)
			(void)container_destroy(to, true, NULL);
		return r;
	}
	if (a->daemon) {
		say_started(to);
		return 0;
	}
	return work_in_it(to, a, c->operands.n ? strv_get(&c->operands) : NULL, ret_status, e);
}

static int run(struct cli *c)
{
	struct args a = { 0 };
	struct err e = { 0 };
	int status = 0, code = cli_parse(c, &a);

	if (code >= 0)
		goto out;
	if (!a.orig)
		code = cli_usage_error(c, "say with -o which container is to be copied");
	else if (a.storage && !streq(a.storage, "tmpfs") && !streq(a.storage, "dir"))
		code = cli_usage_error(c, "storage type '%s': expected tmpfs or dir", a.storage);
	else if (a.type && !streq(a.type, "overlayfs") && !streq(a.type, "overlay"))
		code = cli_usage_error(c, "union type '%s': expected overlayfs", a.type);
	else if (a.keep_data && a.storage && streq(a.storage, "tmpfs"))
		code = cli_usage_error(c, "-k keeps nothing of a tmpfs");
	else if (cli_open_engine(c, &e) < 0 || start(c, &a, &status, &e) < 0)
		code = cli_fail(c, &e);
	else
		code = cli_end(c, cli_exit_of(status));
out:
	strv_done(&a.bdirs);
	strv_done(&a.cdirs);
	return code;
}

const struct command cmd_start_ephemeral = {
	.name = "lxc-start-ephemeral",
	.flags = CMD_LXC | CMD_MUTATES | CMD_ENTERS | CMD_OWN_NAME | CMD_OWN_O,
	.synopsis = "-o NAME [OPTION...] [-- COMMAND...]",
	.summary = "try a throw-away copy of a container, in the words of before 2.0",
	.description = "Starts a copy of NAME that shares its root file system, keeps what it changes in memory and is "
		       "destroyed "
		       "when it stops. COMMAND, or a shell, is run in it, after which it is stopped; with -d it goes "
		       "on. This is "
		       "lxc-copy -e (see lxc-copy(1)) in the words of LXC 0.9 to 2.0.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-start-ephemeral -o base -- make check",
						  "Runs the command in a copy that then goes." },
						{ "lxc-start-ephemeral -o base -n try -d -b /srv/data",
						  "A copy in the background, with a directory of the host." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "N", "What COMMAND ended with; 128 and the signal that killed it." },
					     { "0", "With -d: it runs." },
					     { "1", "It could not be made or started." },
					     { NULL, NULL } },
	.see_also = "lxc-copy(1)",
	.run = run,
};
