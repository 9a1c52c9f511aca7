/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drives the registry's client for tests/clients/test-registry.sh: blob by blob into a content store, or whole images in a data
 * root of their own.
 *
 *   registry-tool [OPTION...] manifest REF | fetch REF STORE | push STORE DIGEST REF [FROM] | tags REF | search TERM |
 *                             login SERVER USER PASSWORD | logout SERVER |
 *                             image-pull DATA REF | image-push DATA REF | image-tag DATA REF REF
 */
#include <getopt.h>
#include <stdio.h>

#include "image/registry.h"

struct args {
	struct registry_opts o;
	const char *insecure[8], *mirrors[8];
	int n_insecure, n_mirrors;
	char **words;
	int n;
};

static int get_manifest(struct registry *r, const char *path, const char *ref, struct blobs *b, struct manifest *m,
			bool show, struct err *e)
{
	_cleanup_free_ char *text = NULL, *type = NULL;
	char digest[DIGEST_MAX];
	size_t len;
	int rc = registry_manifest(r, path, ref, &text, &len, &type, digest, e);

	if (rc >= 0 && show)
		printf("%s %s %zu\n", digest, type, len);
	if (rc >= 0 && b)
		rc = blobs_add(b, text, len, NULL, e);
	return rc >= 0 && m ? manifest_parse(text, len, type, m, e) : rc;
}

static int fetch(struct registry *r, const struct reference *ref, const char *store, struct err *e)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_(blobs_freep) struct blobs *b = NULL;
	int rc = blobs_open(store, true, &b, e);

	if (rc >= 0)
		rc = get_manifest(r, ref->path, ref->digest ?: ref->tag, b, &m, true, e);
	if (rc >= 0)
		rc = registry_fetch(r, ref->path, &m.config, b, NULL, NULL, e);
	for (size_t i = 0; rc >= 0 && i < m.n_layers; i++)
		rc = registry_fetch(r, ref->path, &m.layers[i], b, NULL, NULL, e);
	return rc;
}

static int push(struct registry *r, const struct reference *ref, char **words, struct err *e)
{
	static const char *const how[] = { "sent", "there", "mounted" };
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_(blobs_freep) struct blobs *b = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int rc = blobs_open(words[1], false, &b, e);

	if (rc >= 0)
		rc = blobs_read(b, words[2], MANIFEST_MAX, &text, &len, e);
	if (rc >= 0)
		rc = manifest_parse(text, len, NULL, &m, e);
	for (size_t i = 0; rc >= 0 && i < m.n_layers; i++) {
		rc = registry_upload(r, ref->path, &m.layers[i], words[4], b, NULL, NULL, e);
		if (rc >= 0)
			printf("%s %s\n", m.layers[i].digest, how[rc]);
	}
	if (rc >= 0)
		rc = registry_upload(r, ref->path, &m.config, NULL, b, NULL, NULL, e);
	return rc < 0 ? rc : registry_put_manifest(r, ref->path, ref->tag, m.media_type, text, len, e);
}

static int tags(struct registry *r, const struct reference *ref, struct err *e)
{
	_cleanup_strv_ struct strv list = STRV_INIT;
	int rc = registry_tags(r, ref->path, &list, e);

	for (size_t i = 0; rc >= 0 && i < list.n; i++)
		puts(list.v[i]);
	return rc;
}

static void show(void *arg, const struct progress_event *ev)
{
	/* How far it is, is told as often as the machine likes. */
	if (ev->total)
		return;
	printf("%s%s%s\n", ev->id ?: "", ev->id ? ": " : "", ev->status);
	fflush(stdout);
}

static int whole_image(const struct args *a, struct err *e)
{
	_cleanup_(images_freep) struct images *s = NULL;
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_image_ struct image image = { 0 };
	struct pull_opts o = { .registry = &a->o };
	struct progress p = { .event = show };
	int rc = images_open(a->words[1], NULL, &s, e);

	if (rc >= 0)
		rc = reference_parse(a->words[a->n - 1], &ref, e);
	if (rc < 0)
		return rc;
	if (streq(a->words[0], "image-push"))
		return image_push(s, &ref, &o, &p, e);
	if (streq(a->words[0], "image-pull"))
		return image_pull(s, &ref, &o, &p, e);
	rc = image_find(s, a->words[2], &image, e);
	return rc < 0 ? rc : image_tag(s, image.id, &ref, e);
}

static int with_reference(const struct args *a, struct err *e)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_(registry_freep) struct registry *r = NULL;
	const char *verb = a->words[0];
	bool is_push = streq(verb, "push");
	int rc = a->n < (is_push ? 4 : 2) ? err_kind(e, ERR_INVALID, -EINVAL, "too few words")
					  : reference_parse(a->words[is_push ? 3 : 1], &ref, e);

	if (rc >= 0 && !ref.digest)
		rc = reference_default_tag(&ref, e);
	if (rc >= 0)
		rc = registry_open(ref.domain, &a->o, &r, e);
	if (rc < 0)
		return rc;
	if (is_push)
		return push(r, &ref, a->words, e);
	if (streq(verb, "tags"))
		return tags(r, &ref, e);
	if (streq(verb, "fetch") && a->n == 3)
		return fetch(r, &ref, a->words[2], e);
	return get_manifest(r, ref.path, ref.digest ?: ref.tag, NULL, NULL, true, e);
}

static int run(const struct args *a, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *plain = NULL;
	int rc;

	if (a->n == 2 && streq(a->words[0], "search")) {
		rc = registry_search(a->words[1], 0, &a->o, &out, e);
		if (rc >= 0)
			puts(buf_str(&out));
		return rc;
	}
	if (a->n == 4 && streq(a->words[0], "login")) {
		rc = registry_login(a->words[1], a->words[2], a->words[3], &a->o, &plain, e);
		if (rc >= 0)
			printf("stored in %s\n", plain ?: "a helper");
		return rc;
	}
	if (a->n == 2 && streq(a->words[0], "logout"))
		return registry_logout(a->words[1], &a->o, e);
	if (startswith(a->words[0], "image-") && a->n >= 3)
		return whole_image(a, e);
	return with_reference(a, e);
}

int main(int argc, char **argv)
{
	struct args a = { 0 };
	struct err e = { 0 };
	int c;

	while ((c = getopt(argc, argv, "+i:m:t:c:a:r:h:")) != -1) {
		if (c == 'i' && a.n_insecure < 7)
			a.insecure[a.n_insecure++] = optarg;
		else if (c == 'm' && a.n_mirrors < 7)
			a.mirrors[a.n_mirrors++] = optarg;
		else if (c == 't')
			a.o.certs_dir = optarg;
		else if (c == 'c')
			a.o.config_dir = optarg;
		else if (c == 'a')
			a.o.auth = optarg;
		else if (c == 'h')
			a.o.hosts_file = optarg;
		else if (c == 'r')
			a.o.retries = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	a.o.insecure = a.insecure;
	a.o.mirrors = a.mirrors;
	a.words = argv + optind;
	a.n = argc - optind;
	if (a.n < 1)
		return 2;
	if (run(&a, &e) >= 0)
		return 0;
	fprintf(stderr, "%s\n", e.msg);
	if (e.hint[0])
		fprintf(stderr, "hint: %s\n", e.hint);
	return 1;
}
