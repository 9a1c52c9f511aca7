/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names that no header declares and that liblxc exports all the same. Programs of the LXC project itself use some of
 * them: its tools the lxc_config_* ones, its tests the thread-local current_config.
 */

#include <linux/personality.h>
#include <stdio.h>

#include "base/file.h"
#include "liblxc/liblxc.h"

/* Prototypes as its sources have them. */
struct lxc_list {
	void *elem;
	struct lxc_list *next, *prev;
};
struct define {
	char *key, *value;
};
extern _Thread_local struct lxc_conf *current_config;
int lxc_config_define_add(struct lxc_list *defines, char *arg);
bool lxc_config_define_load(struct lxc_list *defines, struct lxc_container *c);
void lxc_config_define_free(struct lxc_list *defines);
int lxc_config_parse_arch(const char *arch, signed long *persona);
bool lxc_is_valid_storage_type(const char *type);

/* The configuration at hand in this thread: nothing of ours needs to know. */
PUBLIC _Thread_local struct lxc_conf *current_config;

static void define_free(struct define *d)
{
	free(d->key);
	free(d->value);
	free(d);
}

/* "KEY = VALUE" to the end of the list. */
PUBLIC int lxc_config_define_add(struct lxc_list *defines, char *arg)
{
	struct lxc_list *l = calloc(1, sizeof(*l));
	struct define *d = calloc(1, sizeof(*d));
	const char *eq = strchr(arg, '='), *from = arg + strspn(arg, " \t"), *end = eq;

	while (end && end > from && strchr(" \t", end[-1]))
		end--;
	if (l && d && eq) {
		d->key = strndup(from, (size_t)(end - from));
		d->value = strdup(eq + 1 + strspn(eq + 1, " \t"));
	}
	if (!l || !d || !d->key || !d->value) {
		free(l);
		if (d)
			define_free(d);
		return eq ? -ENOMEM : -EINVAL;
	}
	l->elem = d;
	l->prev = defines->prev;
	l->next = defines;
	defines->prev->next = l;
	defines->prev = l;
	return 0;
}

PUBLIC void lxc_config_define_free(struct lxc_list *defines)
{
	struct lxc_list *next;

	for (struct lxc_list *l = defines->next; l != defines; l = next) {
		next = l->next;
		define_free(l->elem);
		free(l);
	}
	defines->next = defines->prev = defines;
}

PUBLIC bool lxc_config_define_load(struct lxc_list *defines, struct lxc_container *c)
{
	bool ok = true;

	for (struct lxc_list *l = defines->next; l != defines && ok; l = l->next) {
		const struct define *d = l->elem;

		ok = c->set_config_item(c, d->key, d->value);
	}
	lxc_config_define_free(defines);
	return ok;
}

PUBLIC int lxc_config_parse_arch(const char *arch, signed long *persona)
{
	_cleanup_spec_ struct spec s;
	unsigned long p;
	int r;

	spec_init(&s);
	r = lxc_key_set(&s, "lxc.arch", arch, NULL);
	if (r == 0)
		r = engine_personality(s.process.arch, &p, NULL);
	if (r < 0)
		return -EINVAL;
	*persona = (long)p;
	return 0;
}

PUBLIC bool lxc_is_valid_storage_type(const char *type)
{
	static const char *const known[] = {
		"dir", "btrfs", "loop", "lvm", "nbd", "overlay", "overlayfs", "rbd", "zfs",
	};

	for (size_t i = 0; type && i < ARRAY_SIZE(known); i++)
		if (streq(known[i], type))
			return true;
	return false;
}
