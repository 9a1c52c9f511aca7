/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The images of one data root: names, manifests, configurations, and which blobs and layers they use. An image's id is the digest of its
 * configuration, as with Docker's classic store. DATA/: creel.db, blobs/ (an OCI layout), layers/, containers/, volumes/.
 *
 * Reference counts are rows: a blob or a layer goes when no row has it, in the transaction that took the last away; the files go
 * after it, and what a kill leaves between the two is found by images_sweep().
 */

#include "image/blobs.h"
#include "image/db.h"
#include "image/layers.h"
#include "image/manifest.h"
#include "image/reference.h"

struct images {
	char *root;
	struct db *db;
	struct blobs *blobs;
	struct layers *layers;
};
/* ROOT NULL: /var/lib/creel, for an ordinary user $XDG_DATA_HOME/creel. DRIVER as layers_open(); NULL: as
 * SYSCONFDIR/creel/daemon.json says, else what is there. */
int images_open(const char *root, const char *driver, struct images **ret, struct err *e);
struct images *images_free(struct images *s);
DEFINE_CLEANUP(struct images *, images_free);

struct image {
	char id[DIGEST_MAX];	   /* of the configuration */
	char manifest[DIGEST_MAX]; /* "": it has none (not pulled and not pushed yet) */
	char chain[DIGEST_MAX];	   /* of its top layer, "": an empty image */
	int64_t created_ns;	   /* of its configuration */
	uint64_t size;		   /* of its layers, unpacked */
	char *parent;		   /* id, NULL */
	struct strv tags;	   /* "docker.io/library/debian:12", sorted */
	struct strv digests;	   /* "docker.io/library/debian@sha256:…" */
};
void image_done(struct image *i);
#define _cleanup_image_ _cleanup_(image_done)

/* By name, name@digest, id or a beginning of it that is no other's. -ENOENT ERR_NOT_FOUND "No such image: X". */
int image_find(struct images *s, const char *name, struct image *ret, struct err *e);
int image_config_of(struct images *s, const struct image *i, struct image_config *ret, struct err *e);
/* Newest first. free() the array after image_done() of each. */
int image_list(struct images *s, struct image **ret, size_t *ret_n, struct err *e);
/* The sizes of the layers of all of them, those that several have once. */
int images_layers_size(struct images *s, uint64_t *ret, struct err *e);

/*
 * Takes an image in: MANIFEST (bytes, as it came; its blobs are all in the store) is unpacked layer by layer where layers are not
 * there yet. NAME and NAME@DIGEST point to it afterwards (may be NULL). PROGRESS may be NULL.
 */
struct progress;
int image_add(struct images *s, const char *manifest, size_t len, const char *type, const struct reference *name,
	      const struct progress *progress, char ret_id[static DIGEST_MAX], struct err *e);
/* What of I's layers the storage driver does not have, it has afterwards: from their blobs. */
int image_need(struct images *s, const struct image *i, struct err *e);
/* One that was made here (commit, build): CONFIG's bytes and layers that are unpacked already, PACKED their blobs, bottom first. */
int image_add_local(struct images *s, const struct image_config *config, const struct descriptor *packed, size_t n,
		    const char *parent, const struct reference *name, char ret_id[static DIGEST_MAX], struct err *e);
/* The manifest under which it is pushed, made where it has none. free(). */
int image_manifest(struct images *s, const struct image *i, char **ret, size_t *ret_len, char **ret_type,
		   struct err *e);

int image_tag(struct images *s, const char *id, const struct reference *name, struct err *e);
/* As Docker's rmi: a name goes, and the image with its last; what happened is said in DONE ("Untagged: …", "Deleted: …"). -EBUSY
 * (ERR_STATE) when a container uses it or, by id, it has several names, unless FORCE. */
int image_remove(struct images *s, const char *name, bool force, bool no_prune, struct strv *done, struct err *e);
/* ALL: every unused one, else those without a name. FILTERS: "label=…", "until=…". */
int image_prune(struct images *s, bool all, const struct strv *filters, struct strv *done, uint64_t *ret_bytes,
		struct err *e);
/* A time of the past as filters have it, in nanoseconds since 1970: seconds, RFC 3339, a day, or how long ago. */
int image_until(const char *s, int64_t *ret, struct err *e);
/* What no row has: blobs, layers, half-made folders, old ingests. */
int images_sweep(struct images *s, struct err *e);
/* A container by the name ID uses image IMAGE from now on; or no longer. Part of the caller's transaction. */
int image_use(struct images *s, const char *image, const char *id, struct err *e);
int image_unuse(struct images *s, const char *id, struct err *e);

/* --- archives ------------------------------------------------------------------------------------------------------------- */

struct pack_sink;
/* docker-archive and OCI layout in one, as `docker save` writes it since 25. */
int images_save(struct images *s, char *const *names, const struct pack_sink *out, struct err *e);
/* Either of the two, or an oci-archive; compressed or not. DONE: "Loaded image: …". */
int images_load(struct images *s, int in_fd, const struct progress *progress, struct strv *done, struct err *e);
/* The same under no name, whatever names the archive has: ours stay what they are. IDS: of its images. */
int images_load_nameless(struct images *s, int in_fd, struct strv *ids, struct err *e);
/* A root file system as an image of one layer. CHANGES: Dockerfile instructions, applied by the caller to CONFIG before. */
int image_import(struct images *s, int in_fd, const struct image_config *config, const struct reference *name,
		 char ret_id[static DIGEST_MAX], struct err *e);

/* --- what is being done, told as it happens (nobody prints here) ------------------------------------------------------------ */

struct progress_event {
	const char *id;	    /* of a layer, 12 digits; a tag; NULL */
	const char *status; /* "Pulling fs layer", "Downloading", "Pull complete" …, Docker's words */
	uint64_t current, total;
};
struct progress {
	void (*event)(void *arg, const struct progress_event *ev);
	void *arg;
};
void progress_say(const struct progress *p, const char *id, const char *status, uint64_t current, uint64_t total);
