/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who made a group: see driver.h. */

#include <errno.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "base/file.h"
#include "cgroup/driver.h"

#define MARK_MAX (CG_HIER_MAX * sizeof(((struct cg_hier *)0)->name))

bool cg_parent(const char *path, unsigned level, char out[static CG_PATH_MAX + 1])
{
	size_t n = strlen(path);

	for (unsigned i = 0; i < level; i++) {
		while (n > 0 && path[n - 1] != '/')
			n--;
		if (n == 0)
			return false;
		n--;
	}
	memcpy(out, path, n);
	out[n] = '\0';
	return true;
}

/* Attributes of what an O_PATH fd leads to have no call that takes the fd. */
static const char *full_path(const struct cg_hier *h, const char *path, char out[static PATH_MAX + FD_PATH_MAX])
{
	char anchor[FD_PATH_MAX];

	snprintf(out, PATH_MAX + FD_PATH_MAX, "%s/%s", fd_path(h->fd, anchor), path);
	return out;
}

uint32_t cg_marked(const struct cg_hier *main, const char *path, const char *attr, const struct cg_host *h)
{
	char full[PATH_MAX + FD_PATH_MAX], text[MARK_MAX];
	ssize_t n = lgetxattr(full_path(main, path, full), attr, text, sizeof(text) - 1);
	uint32_t hiers = 0;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	for (char *save = NULL, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		for (unsigned i = 0; i < h->n; i++)
			if (streq(h->hier[i].name, w))
				hiers |= 1u << i;
	return hiers;
}

void cg_mark(const struct cg_hier *main, const char *path, const char *attr, const struct cg_host *h, uint32_t hiers)
{
	char full[PATH_MAX + FD_PATH_MAX], text[MARK_MAX] = "";
	size_t len = 0;

	hiers |= cg_marked(main, path, attr, h);
	for (unsigned i = 0; i < h->n; i++)
		if (hiers & 1u << i)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "",
						h->hier[i].name);
	lsetxattr(full_path(main, path, full), attr, text, len, 0);
}

void cg_unmark(const struct cg_hier *main, const char *path, const char *attr)
{
	char full[PATH_MAX + FD_PATH_MAX];

	lremovexattr(full_path(main, path, full), attr);
}
