/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/template.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha1.h"
#include "engine/internal.h"

#define TEMPLATE_MAX (4u << 20)

int engine_template(const char *name, char **ret, struct err *e)
{
	_cleanup_free_ char *file = NULL, *path = NULL;

	if (*name == '/') {
		path = strdup(name);
	} else {
		if (!path_is_component(name))
			return err_kind(e, ERR_INVALID, -EINVAL, "template '%s': expected a name or an absolute path",
					name);
		if (asprintf(&file, "lxc-%s", name) < 0)
			return err_oom(e);
		path = engine_resource(RES_TEMPLATES, file);
	}
	if (!path || access(path, X_OK) < 0) {
		err_kind(e, ERR_NOT_FOUND, -ENOENT, "template '%s' does not exist", name);
		return err_hint(e, -ENOENT, "the templates are the files lxc-* in %s/lxc/templates", "/usr/share");
	}
	*ret = TAKE_PTR(path);
	return 0;
}

void template_header(struct buf *text, const char *program, char *const *argv)
{
	_cleanup_free_ char *data = NULL, *nesting = engine_resource(RES_CONFIG, "nesting.conf");
	char sum[SHA1_HEX];
	size_t len;

	buf_printf(text, "# Template used to create this container: %s\n", program ?: "none");
	if (argv && argv[0]) {
		buf_puts(text, "# Parameters passed to the template:");
		/* A line's end would end the comment. */
		for (char *const *a = argv; *a; a++) {
			buf_putc(text, ' ');
			for (const char *s = *a; *s; s++)
				buf_putc(text, *s == '\n' ? ' ' : *s);
		}
		buf_putc(text, '\n');
	}
	if (program && file_read(AT_FDCWD, program, TEMPLATE_MAX, &data, &len, NULL) == 0) {
		sha1_hex(data, len, sum);
		buf_printf(text, "# Template script checksum (SHA-1): %s\n", sum);
	}
	buf_puts(text, "# For additional config options, please look at lxc.container.conf(5)\n\n");
	if (nesting)
		buf_printf(text,
			   "# Containers inside of this one need the next line, which gives up some protection:\n"
			   "#lxc.include = %s\n\n",
			   nesting);
}
