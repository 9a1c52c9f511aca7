/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What control groups take from configurations: a first byte says which, the rest is the text. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "cgroup/driver.h"
#include "cgroup/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A key, a line break, and a value in the words of either version. */
static int translate(char *text, unsigned have, struct err *e)
{
	_cleanup_strv_ struct strv keys = STRV_INIT, values = STRV_INIT;
	char *value = strchr(text, '\n');

	if (value)
		*value++ = '\0';
	return cg_translate(have, 3 - have, text, value ?: "", &keys, &values, e);
}

static int resources(char *text, struct err *e)
{
	_cleanup_unit_props_ struct unit_props p = { 0 };
	char *value = strchr(text, '\n');
	struct cg_item items[2] = { { 1, "memory.limit_in_bytes", "4096" } };

	if (value)
		*value++ = '\0';
	items[1] = (struct cg_item){ *text == '2' ? 2 : 1, text + (*text == '2'), value ?: "" };
	return unit_resource_props(items, 2, true, 254, &p, e);
}

static int annotation(const char *text, struct err *e)
{
	_cleanup_unit_props_ struct unit_props p = { 0 };
	int r = unit_annotation_prop(text, &p, e);

	if (r == 0 && (p.n != 1 || (p.v[0].type == UT_STRING && p.v[0].strings.n != 1)))
		abort();
	return r;
}

static int unit(const char *text, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	int r = unit_path_below("", text, "id", false, &path, e);

	if (r == 0 && (path[0] == '/' || strstr(path, "/../") || !strstr(path, "//unit:")))
		abort();
	return r;
}

/* A path never leaves the hierarchies. */
static int group_path(const char *text, bool oci, struct err *e)
{
	static struct cg_host h = { .v2 = -1 };
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_free_ char *path = NULL;
	int r;

	h.layout = CG_V1;
	h.n = 2;
	h.hier[0].ops = h.hier[1].ops = &cgroupfs_v1;
	h.hier[0].fd = h.hier[1].fd = -EBADF;
	strcpy(h.hier[0].name, "memory");
	strcpy(h.hier[1].name, "cpu,cpuacct");
	if (oci) {
		r = cg_oci_path(&h, text, false, "id", &path, e);
		if (r < 0)
			return r;
	}
	r = cg_new(&h, path ?: text, &g, e);
	for (unsigned i = 0; r == 0 && i < h.n; i++)
		if (g->at[i][0] == '/' || !g->at[i][0] || strcmp(g->at[i], "..") == 0 ||
		    strncmp(g->at[i], "../", 3) == 0 || strstr(g->at[i], "/../"))
			abort();
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cg_dev_rule rule;
	struct err e = { 0 };
	char *text;
	int r = 0;

	if (size == 0 || !(text = strndup((const char *)data + 1, size - 1)))
		return 0;
	switch (data[0]) {
	case '1':
	case '2':
		r = translate(text, (unsigned)data[0] - '0', &e);
		break;
	case 'r':
		r = resources(text, &e);
		break;
	case 'a':
		r = annotation(text, &e);
		break;
	case 'u':
		r = unit(text, &e);
		break;
	case 'p':
	case 'o':
		r = group_path(text, data[0] == 'o', &e);
		break;
	case 'd':
		r = cg_dev_parse(true, text, &rule, &e);
		break;
	}
	if (r < 0 && !e.msg[0])
		abort();
	free(text);
	return 0;
}
