/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Repositories as contexts and as sources of ADD: URL[#REF[:FOLDER]], by git(1). */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/spawn.h"
#include "image/build/build.h"

bool git_is_url(const char *s)
{
	static const char *const always[] = { "git://", "git@", "ssh://", "github.com/" };
	static const char *const ending[] = { "http://", "https://", "file://" };
	size_t n = strcspn(s, "#?");

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		if (startswith(s, always[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		if (startswith(s, ending[i]))
			return n > 4 && strncmp(s + n - 4, ".git", 4) == 0;
	return false;
}

/* Ours without the variables by which git is told of another repository than DIR's: a hook that builds has them. With
 * ACCESS without all that is the caller's own besides, too: his configuration, log-ins and keys. */
static int environment(const struct git_access *access, struct strv *ret, struct err *e)
{
	static const char *const others[] = {
		"GIT_DIR=",	     "GIT_WORK_TREE=",	"GIT_INDEX_FILE=",	"GIT_OBJECT_DIRECTORY=",
		"GIT_COMMON_DIR=",   "GIT_NAMESPACE=",	"GIT_QUARANTINE_PATH=", "GIT_ALTERNATE_OBJECT_DIRECTORIES=",
		"GIT_SHALLOW_FILE=", "GIT_GRAFT_FILE=", "GIT_PREFIX=",		"GIT_TERMINAL_PROMPT=",
	};
	static const char *const personal[] = {
		"HOME=",   "XDG_",	 "SSH_AUTH_SOCK=",     "SSH_ASKPASS",	 "GIT_ASKPASS=",
		"GIT_SSH", "GIT_CONFIG", "GIT_PROXY_COMMAND=", "GIT_EXEC_PATH=", "GIT_EXTERNAL_"
	};
	static const char *const nobody[] = { "HOME=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
					      "GIT_SSH_VARIANT=ssh" };
	int r = strv_push(ret, "GIT_TERMINAL_PROMPT=0", e);

	for (char *const *v = environ; *v && r == 0; v++) {
		bool other = false;

		for (size_t i = 0; i < ARRAY_SIZE(others); i++)
			other |= startswith(*v, others[i]) != NULL;
		for (size_t i = 0; access && i < ARRAY_SIZE(personal); i++)
			other |= startswith(*v, personal[i]) != NULL;
		r = other ? 0 : strv_push(ret, *v, e);
	}
	for (size_t i = 0; access && i < ARRAY_SIZE(nobody) && r == 0; i++)
		r = strv_push(ret, nobody[i], e);
	if (!access || r < 0)
		return r;
	if (!access->agent)
		return strv_push(ret, "GIT_SSH_COMMAND=false", e);
	r = strv_pushf(ret, e, "SSH_AUTH_SOCK=%s", access->agent);
	/* The agent's keys, and no other. */
	return r < 0 ? r : strv_push(ret, "GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes -o IdentityFile=none", e);
}

struct git {
	const char *dir, *url;
	const struct git_access *access;
};

/* git -C DIR ARGUMENTS…, NULL-terminated. It asks nobody for anything; what the repository brings along is not executed. */
static int git(const struct git *g, const char *const *args, struct err *e)
{
	static const char *const before[] = {
		"git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.askPass=true", "-C"
	};
	const char *argv[ARRAY_SIZE(before) + 12];
	struct spawn s = { .path = "git", .argv = (char *const *)argv };
	_cleanup_strv_ struct strv env = STRV_INIT;
	_cleanup_free_ char *output = NULL;
	size_t n = 0;
	int r = environment(g->access, &env, e);

	if (r < 0)
		return r;
	s.envp = strv_get(&env);

	for (; n < ARRAY_SIZE(before); n++)
		argv[n] = before[n];
	argv[n++] = g->dir;
	for (; *args && n + 1 < ARRAY_SIZE(argv); args++)
		argv[n++] = *args;
	argv[n] = NULL;
	r = spawn_run(&s, &output, e);
	return r > 0 ? err_kind(e, ERR_NOT_FOUND, -ENOENT, "failed to fetch %s: git: %.300s", g->url, output) : r;
}

/* A branch, a tag or a commit; a server that gives no single one, or no commit by its name, gives all. */
static int fetch(const struct git *g, const char *ref, struct err *e)
{
	const char *shallow[] = { "fetch", "-q", "--depth=1", "--no-tags", "--", g->url, ref, NULL };
	const char *whole[] = { "fetch", "-q", "--no-tags", "--", g->url, ref, NULL };
	const char *all[] = { "fetch", "-q", "--tags", "--", g->url, "+refs/heads/*:refs/remotes/origin/*", NULL };
	const char *found[] = { "checkout", "-q", "FETCH_HEAD", NULL };
	const char *named[] = { "checkout", "-q", ref, "--", NULL };
	struct err first = { 0 };
	int r = git(g, shallow, &first);

	/* Over HTTP, a server of files only has no shallow ones. */
	if (r < 0)
		r = git(g, whole, NULL);
	if (r >= 0)
		return git(g, found, e);
	if (streq(ref, "HEAD") || git(g, all, NULL) < 0) {
		if (e)
			*e = first;
		return r;
	}
	return git(g, named, e);
}

/* "../other" in the list of them is beside the repository, which git knows from here. The address, which may have a password, does not stay. */
static int submodules(const struct git *g, struct err *e)
{
	const char *origin[] = { "config", "remote.origin.url", g->url, NULL };
	static const char *const update[] = { "submodule", "update", "-q", "--init", "--recursive", "--depth=1", NULL };
	static const char *const forget[] = { "config", "--unset", "remote.origin.url", NULL };
	int r = git(g, origin, e);

	if (r >= 0)
		r = git(g, update, e);
	return r < 0 ? r : git(g, forget, e);
}

/* What has been fetched lies there without a branch. */
static int check_commit(const struct git *g, const char *want, struct err *e)
{
	_cleanup_free_ char *path = path_join(g->dir, ".git/HEAD"), *head = NULL;
	size_t n = strlen(want);
	int r = path ? file_read(AT_FDCWD, path, 4096, &head, NULL, e) : err_oom(e);

	if (r < 0)
		return r;
	head[strcspn(head, "\n")] = '\0';
	if (n < 7 || strncmp(head, want, n) != 0)
		return err_kind(e, ERR_INVALID, -EBADMSG, "expected checksum to match %s, got %s", want, head);
	return 0;
}

static bool is_ssh(const char *repo)
{
	return startswith(repo, "git@") || startswith(repo, "ssh://");
}

int git_fetch(const char *url, const struct git_access *access, const char *dir, bool keep, const char **ret_sub,
	      struct err *e)
{
	static const char *const init[] = { "init", "-q", NULL };
	const char *hash = strchr(url, '#'), *sub = hash ? strchr(hash, ':') : NULL;
	_cleanup_free_ char *repo = NULL, *meta = path_join(dir, ".git");
	_cleanup_free_ char *ref = hash ? strndup(hash + 1, strcspn(hash + 1, ":")) : NULL;
	struct git g = { .dir = dir, .access = access };
	int r;

	if (asprintf(&repo, "%s%.*s", startswith(url, "github.com/") ? "https://" : "", (int)strcspn(url, "#"), url) <
	    0)
		repo = NULL;
	if (!repo || !meta || (hash && !ref))
		return err_oom(e);
	if (strchr(repo, '?'))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: a query is not known: URL.git#REF:FOLDER", url);
	if (ref && *ref == '-')
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: '%s' is no branch, tag or commit", url, ref);
	if (access && !access->agent && is_ssh(repo))
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "unset ssh forward key default: give it with --ssh");
	g.url = repo;
	r = dir_make_all(dir, 0755, e);
	if (r >= 0)
		r = git(&g, init, e);
	if (r >= 0)
		r = fetch(&g, isempty(ref) ? "HEAD" : ref, e);
	if (r >= 0 && access && !isempty(access->commit))
		r = check_commit(&g, access->commit, e);
	if (r >= 0)
		r = submodules(&g, e);
	if (r >= 0 && !keep)
		r = tree_remove(AT_FDCWD, meta, e);
	*ret_sub = sub ? sub + 1 : "";
	return r;
}
