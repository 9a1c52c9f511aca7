/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "dialect/docker/value.h"
#include "engine/build-inner.h"
#include "engine/dnet.h"
#include "engine/internal.h"
#include "runtime/record.h"

bool build_net_is_host(const struct build_run *r)
{
	return streq(r->network, "host") || (streq(r->network, "default") && engine_rootless());
}

static int open_nets(struct images *s, struct dnet *ret, char **ret_dir, struct err *e)
{
	_cleanup_free_ char *run = NULL, *dir = NULL;
	int r = run_dir(false, &run, e);

	if (r < 0)
		return r;
	dir = path_join(run, "net");
	if (!dir)
		return err_oom(e);
	r = dnet_open(s->db, dir, NULL, ret, e);
	*ret_dir = TAKE_PTR(dir);
	return r;
}

/* What it asks for, as a container would. */
static int request(const struct build_run *r, struct json_c_value **ret, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json j;

	json_init(&j, &text, false);
	json_object(&j);
	json_kv_string(&j, "NetworkMode", streq(r->network, "none") ? "none" : "bridge");
	build_strings(&j, "ExtraHosts", r->add_hosts ? (const char *const *)strv_get(r->add_hosts) : NULL);
	json_end_object(&j);
	if (buf_error(&text, e) < 0)
		return -ENOMEM;
	return value_parse(buf_str(&text), text.len, "the network of a build", ret, e);
}

static int put(const struct build_run *r, const char *name, const struct buf *text, char **ret, struct err *e)
{
	_cleanup_free_ char *path = path_join(r->dir, name);
	int n = path ? buf_error(text, e) : err_oom(e);

	if (n >= 0)
		n = file_replace(AT_FDCWD, path, buf_str(text), text->len, 0644, false, e);
	if (n >= 0)
		*ret = TAKE_PTR(path);
	return n;
}

/* Names are the host's, and those that were asked for. */
static int begin_host(struct build_net *n, struct buf *hosts, struct err *e)
{
	_cleanup_free_ char *text = NULL;

	if (file_read(AT_FDCWD, "/etc/hosts", 1u << 20, &text, NULL, NULL) >= 0)
		buf_puts(hosts, text);
	if (!file_exists(AT_FDCWD, "/etc/resolv.conf"))
		return 0;
	n->resolv = strdup("/etc/resolv.conf");
	return n->resolv ? 0 : err_oom(e);
}

static int begin_own(struct build_net *n, struct dnet *nets, const struct dnet_req *q, struct err *e)
{
	_cleanup_buf_ struct buf resolv = BUF_INIT;
	_cleanup_free_ char *join = NULL;
	int r = dnet_ensure(nets, q, e);

	if (r >= 0)
		r = dnet_prepare(nets, q, &n->spec, &join, e);
	if (r < 0 || streq(n->run->network, "none"))
		return r;
	r = dnet_resolv(nets, q, &resolv, e);
	return r < 0 ? r : put(n->run, "resolv.conf", &resolv, &n->resolv, e);
}

int build_net_begin(struct build_net *n, struct err *e)
{
	const struct build_run *run = n->run;
	_cleanup_buf_ struct buf hosts = BUF_INIT;
	_cleanup_value_ struct json_c_value *host = NULL;
	_cleanup_free_ char *dir = NULL;
	char name[13];
	struct dnet_req q = { .id = run->id, .name = name, .hostname = name };
	struct dnet nets;
	int r = open_nets(run->images, &nets, &dir, e);

	snprintf(name, sizeof(name), "%s", run->id);
	if (r >= 0)
		r = request(run, &host, e);
	q.host = host;
	spec_init(&n->spec);
	n->has_spec = true;
	if (r >= 0)
		r = build_net_is_host(run) ? begin_host(n, &hosts, e) : begin_own(n, &nets, &q, e);
	if (r >= 0)
		r = dnet_hosts(&nets, &q, &hosts, e);
	return r < 0 ? err_wrap(e, r, "the network of RUN") : put(run, "hosts", &hosts, &n->hosts, e);
}

void build_net_give(struct build_net *n, struct spec *s)
{
	const struct list mine = s->nets;

	s->nets = n->spec.nets;
	n->spec.nets = mine;
}

void build_net_done(struct build_net *n)
{
	free(n->hosts);
	free(n->resolv);
	if (n->has_spec)
		spec_done(&n->spec);
}

void build_net_end(struct images *s, const char *id)
{
	_cleanup_free_ char *dir = NULL;
	struct dnet nets;

	if (open_nets(s, &nets, &dir, NULL) >= 0)
		(void)dnet_forget(&nets, id, NULL);
}
