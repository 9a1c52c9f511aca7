/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A registry that has another one's content: what is asked for and not here is fetched, checked and kept. */

#include <stdio.h>

#include "api/registry/inner.h"
#include "image/registry.h"

/* "https://host[:port]" → a connection to there. */
static int upstream(struct registry_server *s, struct registry **ret, struct err *e)
{
	const char *http = startswith(s->o.proxy, "http://"), *host = http ?: startswith(s->o.proxy, "https://") ?: s->o.proxy;
	char name[300];
	const char *const insecure[] = { http ? name : NULL, NULL };
	const struct registry_opts o = { .config_dir = s->o.proxy_config, .insecure = insecure };

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, "/"), host);
	return registry_open(name, &o, ret, e);
}

/* As docker-registry has it, the names of Docker's own images need no "library/". */
static const char *path_of(const struct registry_server *s, const char *repo, char buf[static REG_NAME_MAX + 16])
{
	const bool hub = strstr(s->o.proxy, "docker.io") != NULL;

	snprintf(buf, REG_NAME_MAX + 16, "%s%s", hub && !strchr(repo, '/') ? "library/" : "", repo);
	return buf;
}

static int keep(struct registry_server *s, const char *repo, const char *ref, const char *text, size_t len,
		const char *type, const char *digest, struct err *e)
{
	const char *const tags[] = { strchr(ref, ':') ? NULL : ref, NULL };
	struct parsed_manifest m = { 0 };
	char made[DIGEST_MAX];
	int r = manifest_scan(text, len, type, &m, e);

	pthread_rwlock_rdlock(&s->gc_lock);
	if (r == 0)
		r = blobs_add(s->blobs, text, len, made, e);
	if (r == 0)
		r = store_put_manifest(s, repo, made, len, &m, (char *const *)(uintptr_t)tags, e);
	pthread_rwlock_unlock(&s->gc_lock);
	parsed_manifest_done(&m);
	return r;
}

int proxy_manifest(struct registry_server *s, const char *repo, const char *ref, struct err *e)
{
	_cleanup_(registry_freep) struct registry *up = NULL;
	_cleanup_free_ char *text = NULL, *type = NULL;
	char digest[DIGEST_MAX], path[REG_NAME_MAX + 16];
	size_t len = 0;
	int r = upstream(s, &up, e);

	if (r == 0)
		r = registry_manifest(up, path_of(s, repo, path), ref, &text, &len, &type, digest, e);
	return r < 0 ? r : keep(s, repo, ref, text, len, type, digest, e);
}

int proxy_blob(struct registry_server *s, const char *repo, const char *digest, struct err *e)
{
	_cleanup_(registry_freep) struct registry *up = NULL;
	struct descriptor d = { .media_type = (char *)(uintptr_t) "application/octet-stream" };
	char path[REG_NAME_MAX + 16];
	int r = store_part_size(s, repo, digest, &d.size, e);

	/* Its manifest says how long it is, and who has not asked for that has no use for the blob. */
	if (r == 0)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "no manifest of %s names %s", repo, digest);
	if (r > 0)
		r = upstream(s, &up, e);
	snprintf(d.digest, sizeof(d.digest), "%s", digest);
	pthread_rwlock_rdlock(&s->gc_lock);
	if (r == 0 && blobs_stat(s->blobs, digest, NULL, NULL) < 0)
		r = registry_fetch(up, path_of(s, repo, path), &d, s->blobs, NULL, NULL, e);
	if (r == 0)
		r = store_link_blob(s, repo, digest, e);
	pthread_rwlock_unlock(&s->gc_lock);
	return r;
}
