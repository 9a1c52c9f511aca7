/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "security/lsm.h"

bool selinux_active(const struct lsm_host *h)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/fs/selinux/enforce", h->sys);
	return file_exists(AT_FDCWD, path);
}

int selinux_prepare(const struct lsm_host *h, const struct lsm_want *w, char **ret_label, struct err *e)
{
	const char *context = w->selinux_context;
	char path[256], *label;
	int r;

	if (isempty(context) || streq(context, "unchanged"))
		return 0;
	/* Writing a context here asks whether the policy knows it; a bad one would only show at exec. */
	snprintf(path, sizeof(path), "%s/fs/selinux/context", h->sys);
	r = file_write_raw(AT_FDCWD, path, context, strlen(context));
	if (r == -EINVAL)
		return err_kind(e, ERR_INVALID, r, "SELinux context '%s' is not one of the loaded policy", context);
	if (r < 0 && r != -EACCES && r != -ENOENT)
		return err_set(e, r, "ask %s about context '%s'", path, context);
	label = strdup(context);
	if (!label)
		return err_oom(e);
	*ret_label = label;
	return 0;
}
