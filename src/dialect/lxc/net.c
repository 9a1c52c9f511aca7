/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lxc.net.N.KEY, and lxc.network.KEY of old, where a line with the type opens the next interface and all other lines
 * speak of the last one opened.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/parse.h"
#include "dialect/lxc/doc.h"
#include "dialect/lxc/keys.h"

struct net_key {
	const char *name, *field;
	const char *only; /* the type of interface that has it, NULL: all */
	const char *def;
};

/* In the order that LXC lists them. */
static const struct net_key net_keys[] = {
	{ "type", "type" },
	{ "script.up", "script_up" },
	{ "script.down", "script_down" },
	{ "flags", "up" },
	{ "link", "link" },
	{ "name", "name" },
	{ "hwaddr", "hwaddr" },
	{ "mtu", "mtu" },
	{ "ipv6.address", "ipv6" },
	{ "ipv6.gateway", "ipv6_gateway" },
	{ "ipv4.address", "ipv4" },
	{ "ipv4.gateway", "ipv4_gateway" },
	{ "l2proxy", "l2proxy", NULL, "0" },
	{ "veth.pair", "veth_pair", "veth" },
	{ "veth.mode", "veth_mode", "veth", "bridge" },
	{ "veth.ipv4.route", "veth_ipv4_routes", "veth" },
	{ "veth.ipv6.route", "veth_ipv6_routes", "veth" },
	{ "veth.vlan.id", "veth_vlan_id", "veth" },
	{ "veth.vlan.tagged.id", "veth_vlan_tagged", "veth" },
	{ "veth.n_rxqueues", "veth_rxqueues", "veth" },
	{ "veth.n_txqueues", "veth_txqueues", "veth" },
	{ "macvlan.mode", "macvlan_mode", "macvlan", "private" },
	{ "ipvlan.mode", "ipvlan_mode", "ipvlan", "l3" },
	{ "ipvlan.isolation", "ipvlan_isolation", "ipvlan", "bridge" },
	{ "vlan.id", "vlan_id", "vlan", "0" },
	/* Up to LXC 2.1, and only there. */
	{ "ipv4", "ipv4" },
	{ "ipv6", "ipv6" },
};
#define NET_KEYS_NOW (ARRAY_SIZE(net_keys) - 2)

static const struct field *net_row(const struct net_key *n)
{
	const struct field *nets = field_row(spec_fields, "net", 3);

	return field_row(nets->sub, n->field, strlen(n->field));
}

static const struct net_key *net_key_find(const struct lxc_ref *k, const char *name, struct err *e)
{
	size_t n = k->key->kind == &lxc_kind_network ? ARRAY_SIZE(net_keys) : NET_KEYS_NOW;
	const char *names[ARRAY_SIZE(net_keys)];
	char prefix[32];

	for (size_t i = 0; i < n; i++) {
		if (streq(net_keys[i].name, name))
			return &net_keys[i];
		names[i] = net_keys[i].name;
	}
	snprintf(prefix, sizeof(prefix), "%s%.*s", k->key->name, (int)(name - k->sub), k->sub);
	lxc_unknown(e, name, prefix, names, n);
	return NULL;
}

int lxc_doc_net_key(size_t i, struct lxc_doc *ret)
{
	if (i >= NET_KEYS_NOW)
		return -ENOENT;
	*ret = (struct lxc_doc){ .key = net_keys[i].name, .def = net_keys[i].def, .field = net_row(&net_keys[i]) };
	return 0;
}

static struct spec_net *net_find(const struct spec *s, uint32_t index)
{
	LIST_EACH(n, &s->nets, struct spec_net)
		if (n->index == index)
			return n;
	return NULL;
}

/* The list stays in the order of the indexes. */
static struct spec_net *net_make(struct spec *s, uint32_t index, struct err *e)
{
	struct spec_net *n = net_find(s, index), fresh;
	size_t i;

	if (n)
		return n;
	n = field_list_add(field_row(spec_fields, "net", 3), s, e);
	if (!n)
		return NULL;
	fresh = *n;
	fresh.index = index;
	for (i = s->nets.n - 1; i > 0 && LIST_AT(&s->nets, struct spec_net, i - 1)->index > index; i--)
		*LIST_AT(&s->nets, struct spec_net, i) = *LIST_AT(&s->nets, struct spec_net, i - 1);
	*LIST_AT(&s->nets, struct spec_net, i) = fresh;
	return LIST_AT(&s->nets, struct spec_net, i);
}

static void net_remove(struct spec *s, uint32_t index)
{
	for (size_t i = 0; i < s->nets.n; i++)
		if (LIST_AT(&s->nets, struct spec_net, i)->index == index)
			field_list_remove(field_row(spec_fields, "net", 3), s, i--);
}

/* "N" or "N.KEY": *RET_NAME is KEY or NULL. */
static int split_sub(const char *sub, uint32_t *ret_index, const char **ret_name, struct err *e)
{
	size_t n = strcspn(sub, ".");
	char digits[8];

	if (n < sizeof(digits)) {
		memcpy(digits, sub, n);
		digits[n] = '\0';
		if (parse_u32(digits, ret_index) == 0) {
			*ret_name = sub[n] == '.' && sub[n + 1] ? sub + n + 1 : NULL;
			return 0;
		}
	}
	return err_kind(e, ERR_INVALID, -ENOENT, "expected the interface's number, like lxc.net.0.type");
}

/* Sets one member of interface INDEX, which is made when it is not there; a wrong value makes none. */
static int net_put(const struct lxc_ref *k, struct spec *s, uint32_t index, const char *name, const char *value,
		   struct err *e)
{
	const struct net_key *key = net_key_find(k, name, e);
	bool had = net_find(s, index);
	struct spec_net *n;
	int r;

	if (!key)
		return -ENOENT;
	n = net_make(s, index, e);
	if (!n)
		return -ENOMEM;
	/* Whatever the flags are called, they mean up: LXC knows no other. */
	r = field_set(net_row(key), n, streq(key->name, "flags") ? "1" : value, e);
	if (r < 0 && !had)
		net_remove(s, index);
	return r;
}

static void net_drop(struct spec *s, uint32_t index, const struct net_key *key)
{
	struct spec_net *n = net_find(s, index);

	if (n)
		field_clear(net_row(key), n);
}

/* An address as it is meant: canonical, with its prefix, and without the broadcast address, which follows from it. */
static void show_address(const char *said, int family, struct buf *out)
{
	char text[INET6_ADDRSTRLEN], canon[INET6_ADDRSTRLEN];
	size_t n = strcspn(said, "/ \t");
	unsigned char raw[16];
	unsigned prefix = 64;

	snprintf(text, sizeof(text), "%.*s", (int)n, said);
	if (inet_pton(family, text, raw) != 1 || !inet_ntop(family, raw, canon, sizeof(canon))) {
		buf_puts(out, said);
		return;
	}
	if (family == AF_INET)
		prefix = raw[0] < 128 ? 8 : raw[0] < 192 ? 16 : 24;
	if (said[n] == '/')
		prefix = (unsigned)strtoul(said + n + 1, NULL, 10);
	buf_printf(out, "%s/%u", canon, prefix);
}

static void show_addresses(const struct strv *l, int family, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		buf_puts(out, i ? "\n" : "");
		show_address(l->v[i], family, out);
	}
}

static int net_show(const struct lxc_ref *k, const struct spec *s, uint32_t index, const char *name, struct buf *out,
		    struct err *e)
{
	const struct net_key *key = net_key_find(k, name, e);
	const struct spec_net *n = net_find(s, index);
	const struct field *f;
	int r;

	if (!key)
		return -ENOENT;
	if (!n)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no interface %u", index);
	if (key->only && n->type && !streq(key->only, n->type))
		return err_kind(e, ERR_INVALID, -EINVAL, "an interface of type %s has no %s", n->type, key->name);
	f = net_row(key);
	if (!field_is_set(f, n)) {
		buf_puts(out, key->def ?: "");
		return 0;
	}
	if (streq(key->field, "ipv4") || streq(key->field, "ipv6")) {
		show_addresses(key->field[3] == '4' ? &n->ipv4 : &n->ipv6, key->field[3] == '4' ? AF_INET : AF_INET6,
			       out);
		return 0;
	}
	if (streq(key->name, "flags")) {
		buf_puts(out, n->up == TRI_YES ? "up" : "");
		return 0;
	}
	r = field_get(f, n, out, e);
	/* LXC separates these lists, it does not end each element. */
	if (r == 0 && f->type == FT_STRV && out->len && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	return r;
}

/* --- lxc.net ---------------------------------------------------------------------------------------------------------- */

static int net_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	const char *name;
	uint32_t index;
	int r;

	if (!k->sub)
		return lxc_expected(e, "an empty value, or a key like lxc.net.0.type", value);
	r = split_sub(k->sub, &index, &name, e);
	if (r < 0)
		return r;
	return name ? net_put(k, s, index, name, value, e)
		    : lxc_expected(e, "an empty value, or a key like lxc.net.0.type", value);
}

static int net_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	const char *name;
	uint32_t index;
	int r;

	if (!k->sub) {
		LIST_EACH(n, &s->nets, struct spec_net)
			buf_printf(out, "%s\n", n->type ?: "");
		return 0;
	}
	r = split_sub(k->sub, &index, &name, e);
	if (r < 0)
		return r;
	return name ? net_show(k, s, index, name, out, e)
		    : err_kind(e, ERR_INVALID, -ENOENT, "expected a key like lxc.net.0.type");
}

static int net_clear(const struct lxc_ref *k, struct spec *s, struct err *e)
{
	const struct net_key *key;
	const char *name;
	uint32_t index;
	int r;

	if (!k->sub) {
		field_clear(lxc_key_field(k->key), s);
		return 0;
	}
	r = split_sub(k->sub, &index, &name, e);
	if (r < 0)
		return r;
	if (!name) {
		net_remove(s, index);
		return 0;
	}
	key = net_key_find(k, name, e);
	if (!key)
		return -ENOENT;
	net_drop(s, index, key);
	return 0;
}

static int save_one(const struct spec_net *n, struct buf *out, struct err *e)
{
	char key[64];
	int r = 0;

	for (size_t i = 0; i < NET_KEYS_NOW && r >= 0; i++) {
		const struct field *f = net_row(&net_keys[i]);
		const struct strv *l = (const struct strv *)((const char *)n + f->offset);
		_cleanup_buf_ struct buf b = BUF_INIT;

		if (!field_is_set(f, n))
			continue;
		snprintf(key, sizeof(key), "lxc.net.%u.%s", n->index, net_keys[i].name);
		for (size_t v = 0; f->type == FT_STRV && v < l->n && r >= 0; v++)
			r = lxc_put_line(out, key, l->v[v], e);
		if (f->type == FT_STRV)
			continue;
		if (f->type == FT_TRI && streq(net_keys[i].name, "flags"))
			buf_puts(&b, n->up == TRI_YES ? "up" : "");
		else
			r = field_get(f, n, &b, e);
		if (r >= 0 && b.len)
			r = lxc_put_line(out, key, buf_str(&b), e);
	}
	return r;
}

static int net_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	int r = 0;

	LIST_EACH(n, &s->nets, struct spec_net) {
		r = save_one(n, out, e);
		if (r < 0)
			break;
	}
	return r;
}

const struct lxc_kind lxc_kind_net = { net_set, net_get, net_clear, net_save };

int lxc_net_names(const struct spec *s, const char *index_text, struct strv *ret, struct err *e)
{
	const struct spec_net *n;
	uint32_t index;
	size_t last = NET_KEYS_NOW;
	int r;

	n = parse_u32(index_text, &index) == 0 ? net_find(s, index) : NULL;
	if (!n)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "lxc.net.%s: there is no such interface", index_text);
	/* Without a device there is nothing to say of one but the scripts. */
	if (n->type && (streq(n->type, "empty") || streq(n->type, "none")))
		last = 3;
	for (size_t i = 0; i < last; i++) {
		if (net_keys[i].only && !streq_ptr(net_keys[i].only, n->type))
			continue;
		r = strv_push(ret, net_keys[i].name, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- lxc.network ------------------------------------------------------------------------------------------------------- */

/* With a number in the key it is a place in the list; without, the last interface. UINT32_MAX: there is none. */
static int network_index(const struct lxc_ref *k, const struct spec *s, uint32_t *ret_index, const char **ret_name,
			 struct err *e)
{
	uint32_t place = s->nets.n ? (uint32_t)s->nets.n - 1 : UINT32_MAX;
	int r;

	*ret_name = k->sub;
	if (*k->sub >= '0' && *k->sub <= '9') {
		r = split_sub(k->sub, &place, ret_name, e);
		if (r < 0)
			return r;
	}
	*ret_index = place < s->nets.n ? LIST_AT(&s->nets, struct spec_net, place)->index : UINT32_MAX;
	return 0;
}

static int network_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	const char *name;
	uint32_t index;
	int r;

	if (!k->sub)
		return lxc_expected(e, "an empty value, or a key like lxc.network.type", value);
	r = network_index(k, s, &index, &name, e);
	if (r < 0)
		return r;
	if (!name)
		return lxc_expected(e, "an empty value, or a key like lxc.network.0.type", value);
	if (streq(name, "type") && (name == k->sub || index == UINT32_MAX))
		index = s->nets.n ? LIST_AT(&s->nets, struct spec_net, s->nets.n - 1)->index + 1 : 0;
	if (index == UINT32_MAX) {
		if (!net_key_find(k, name, e))
			return -ENOENT;
		r = err_kind(e, ERR_INVALID, -EINVAL, "expected a lxc.network.type line before this one");
		return err_hint(e, r, "lxc.network.type opens an interface; lxc.net.N.%s names it by number", name);
	}
	return net_put(k, s, index, name, value, e);
}

static int network_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	const char *name;
	uint32_t index;
	int r;

	if (!k->sub)
		return net_get(k, s, out, e);
	r = network_index(k, s, &index, &name, e);
	if (r < 0)
		return r;
	return name ? net_show(k, s, index, name, out, e)
		    : err_kind(e, ERR_INVALID, -ENOENT, "expected a key like lxc.network.0.type");
}

static int network_clear(const struct lxc_ref *k, struct spec *s, struct err *e)
{
	const struct net_key *key;
	const char *name;
	uint32_t index;
	int r;

	if (!k->sub)
		return net_clear(k, s, e);
	r = network_index(k, s, &index, &name, e);
	if (r < 0)
		return r;
	if (!name) {
		net_remove(s, index);
		return 0;
	}
	key = net_key_find(k, name, e);
	if (!key)
		return -ENOENT;
	net_drop(s, index, key);
	return 0;
}

static int network_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	return 0;
}

const struct lxc_kind lxc_kind_network = { network_set, network_get, network_clear, network_save };
