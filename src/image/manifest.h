/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Manifests, indexes and image configurations: OCI image-spec 1.1 and Docker's schema 2, read into plain data and written
 * back. All of it comes from outside: at most MANIFEST_MAX bytes, digests by grammar, sizes not negative, layers that are
 * to be fetched from elsewhere ("foreign", "nondistributable") refused by name.
 */

#include <stdint.h>

#include "base/buf.h"
#include "base/strv.h"
#include "dialect/docker/config.h"
#include "image/digest.h"

#define MANIFEST_MAX	   (4u << 20)
#define MANIFEST_LAYERS	   512u

#define MT_OCI_INDEX	   "application/vnd.oci.image.index.v1+json"
#define MT_OCI_MANIFEST	   "application/vnd.oci.image.manifest.v1+json"
#define MT_OCI_CONFIG	   "application/vnd.oci.image.config.v1+json"
#define MT_OCI_LAYER	   "application/vnd.oci.image.layer.v1.tar"
#define MT_OCI_LAYER_GZ	   MT_OCI_LAYER "+gzip"
#define MT_OCI_LAYER_ZST   MT_OCI_LAYER "+zstd"
#define MT_DOCKER_LIST	   "application/vnd.docker.distribution.manifest.list.v2+json"
#define MT_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MT_DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"
#define MT_DOCKER_LAYER	   "application/vnd.docker.image.rootfs.diff.tar"
#define MT_DOCKER_LAYER_GZ MT_DOCKER_LAYER ".gzip"

struct platform {
	char *os, *arch, *variant, *os_version; /* NULL: not said */
};
void platform_done(struct platform *p);
/* "linux/arm64/v8", "arm64", "linux"; what is left out is this machine's. Docker's other names ("x86_64", "aarch64") too. */
int platform_parse(const char *s, struct platform *ret, struct err *e);
int platform_host(struct platform *ret, struct err *e);
void platform_format(const struct platform *p, struct buf *out);

struct descriptor {
	char *media_type;
	char digest[DIGEST_MAX];
	uint64_t size;
	struct platform platform;
	struct strv annotations; /* K=V */
};

struct manifest {
	char *media_type;
	struct descriptor config;
	struct descriptor *layers; /* bottom first */
	size_t n_layers;
	struct strv annotations;
};
struct image_index {
	char *media_type;
	struct descriptor *manifests;
	size_t n;
};
void manifest_done(struct manifest *m);
void image_index_done(struct image_index *x);
#define _cleanup_manifest_    _cleanup_(manifest_done)
#define _cleanup_image_index_ _cleanup_(image_index_done)

/* Whether TYPE is one of an index; of a manifest. */
bool media_is_index(const char *type);
bool media_is_manifest(const char *type);
/* TYPE as the registry said it, or NULL: the text's own mediaType, or its shape. */
int manifest_parse(const char *text, size_t len, const char *type, struct manifest *ret, struct err *e);
int image_index_parse(const char *text, size_t len, struct image_index *ret, struct err *e);
/* The entry for P (this machine's platform where NULL), by variant and age of the architecture as containerd chooses. NULL: none. */
const struct descriptor *image_index_pick(const struct image_index *x, const struct platform *p);
/* As bytes, the same for the same content. */
int manifest_write(const struct manifest *m, struct buf *out, struct err *e);

struct image_history {
	char *created, *created_by, *author, *comment;
	bool empty_layer;
};

struct image_config {
	char *created, *author, *architecture, *variant, *os, *os_version, *docker_version, *comment, *parent,
		*container;
	struct container_config config;
	struct strv diff_ids;
	struct image_history *history;
	size_t n_history;
};
void image_config_init(struct image_config *c);
void image_config_done(struct image_config *c);
#define _cleanup_image_config_ _cleanup_(image_config_done)
int image_config_parse(const char *text, size_t len, struct image_config *ret, struct err *e);
int image_config_write(const struct image_config *c, struct buf *out, struct err *e);
/* Appends one; strings are copied. */
int image_config_history(struct image_config *c, const struct image_history *h, struct err *e);

/* Chain id of a layer: sha256 of "PARENT DIFF", or DIFF where PARENT is NULL (image-spec, "Layer ChainID"). */
void chain_id(const char *parent, const char *diff_id, char ret[static DIGEST_MAX]);
