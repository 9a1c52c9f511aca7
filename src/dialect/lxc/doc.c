/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dialect/lxc/doc.h"

#include <errno.h>

#include "dialect/lxc/keys.h"

int lxc_doc_key(size_t i, struct lxc_doc *ret)
{
	size_t n = 0;

	while (n < i && lxc_keys[n].name)
		n++;
	if (!lxc_keys[n].name)
		return -ENOENT;
	*ret = (struct lxc_doc){ .key = lxc_keys[n].name, .def = lxc_keys[n].def, .now = lxc_keys[n].alias };
	if (lxc_keys[n].field)
		ret->field = lxc_key_field(&lxc_keys[n]);
	if (lxc_keys[n].kind == &lxc_kind_network)
		ret->now = "lxc.net.";
	else if (lxc_keys[n].kind == &lxc_kind_rootfs_legacy || lxc_keys[n].kind == &lxc_kind_backend)
		ret->now = "lxc.rootfs.path";
	else if (lxc_keys[n].kind == &lxc_kind_dropped)
		ret->now = "";
	return 0;
}
