/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Containers of images on their networks: what a row of theirs says, put to engine/dnet.h. */

#include <stdio.h>

#include "base/file.h"
#include "dialect/docker/value.h"
#include "engine/dnet.h"
#include "engine/docker-inner.h"

struct nets {
	struct dnet n;
	struct container_config config;
	struct dnet_req q;
	char *run_dir, *containers;
};

static void nets_done(struct nets *s)
{
	container_config_done(&s->config);
	free(s->run_dir);
	free(s->containers);
}
#define _cleanup_nets_ _cleanup_(nets_done)

/* C NULL: of none. */
static int nets_open(struct docker *d, const struct docker_row *c, struct nets *ret, struct err *e)
{
	int r;

	*ret = (struct nets){ 0 };
	container_config_init(&ret->config);
	ret->run_dir = path_join(d->engine->run_dir, "net");
	ret->containers = path_join(d->images->root, "containers");
	if (!ret->run_dir || !ret->containers)
		return err_oom(e);
	r = dnet_open(docker_images(d)->db, ret->run_dir, ret->containers, &ret->n, e);
	if (r < 0 || !c)
		return r;
	r = docker_config(c, &ret->config, e);
	if (r < 0)
		return r;
	ret->q = (struct dnet_req){
		.id = c->id,
		.name = c->name,
		.hostname = ret->config.hostname,
		.domainname = ret->config.domainname,
		.host = c->host,
		.networking = value_get(c->doc, "Networks"),
		.exposed = &ret->config.exposed_ports,
		.mac = ret->config.mac_address,
		.disabled = ret->config.network_disabled,
	};
	return 0;
}

int docker_net_check(struct docker *d, const struct json_c_value *host, const struct json_c_value *networks,
		     struct err *e)
{
	const struct dnet_req q = { .host = host, .networking = networks };
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, NULL, &s, e);

	return r < 0 ? r : dnet_check(&s.n, &q, e);
}

int docker_net_created(struct docker *d, const struct docker_row *c, struct err *e)
{
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, c, &s, e);

	return r < 0 ? r : dnet_ensure(&s.n, &s.q, e);
}

int docker_net_prepare(struct docker *d, const struct docker_row *c, struct spec *spec, struct err *e)
{
	_cleanup_nets_ struct nets s;
	_cleanup_free_ char *join = NULL;
	int r = nets_open(d, c, &s, e);

	if (r == 0)
		r = dnet_ensure(&s.n, &s.q, e);
	/* Whom it joins is read from HostConfig by who shares name spaces. */
	return r < 0 ? r : dnet_prepare(&s.n, &s.q, spec, &join, e);
}

int docker_net_hosts(struct docker *d, const struct docker_row *c, struct buf *out, struct err *e)
{
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, c, &s, e);

	return r < 0 ? r : dnet_hosts(&s.n, &s.q, out, e);
}

int docker_net_resolv(struct docker *d, const struct docker_row *c, struct buf *out, struct err *e)
{
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, c, &s, e);

	return r < 0 ? r : dnet_resolv(&s.n, &s.q, out, e);
}

void docker_net_stopped(struct docker *d, const char *id)
{
	_cleanup_nets_ struct nets s;
	struct err e = { 0 };
	int r = nets_open(d, NULL, &s, &e);

	if (r == 0)
		r = dnet_release(&s.n, id, &e);
	if (r < 0)
		log_msg(d->log, LOG_WARN, "%s", e.msg);
}

void docker_net_removed(struct docker *d, const char *id)
{
	_cleanup_nets_ struct nets s;
	struct err e = { 0 };
	int r = nets_open(d, NULL, &s, &e);

	if (r == 0)
		r = dnet_forget(&s.n, id, &e);
	if (r < 0)
		log_msg(d->log, LOG_WARN, "%s", e.msg);
}

int docker_net_names(struct docker *d, const char *id, struct err *e)
{
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, NULL, &s, e);

	return r < 0 ? r : dnet_names(&s.n, id, e);
}

int docker_net_renamed(struct docker *d, const char *id, const char *name, struct err *e)
{
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, NULL, &s, e);

	return r < 0 ? r : dnet_rename(&s.n, id, name, e);
}

int docker_net_settings(struct docker *d, const struct docker_row *c, const struct record *rec, bool brief,
			struct json *out, struct err *e)
{
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, c, &s, e);

	return r < 0 ? r : dnet_settings(&s.n, &s.q, !brief, out, e);
}

int docker_net_ports(struct docker *d, const struct docker_row *c, bool running, struct json *out, struct err *e)
{
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, c, &s, e);

	return r < 0 ? r : dnet_ports(&s.n, &s.q, out, e);
}

/* --- the API ----------------------------------------------------------------------------------------------------------- */

static void network_event(struct docker *d, const char *action, const char *name, const char *driver,
			  const char *container)
{
	_cleanup_strv_ struct strv extra = STRV_INIT;

	if (strv_pushf(&extra, NULL, "name=%s", name ?: "") < 0 ||
	    strv_pushf(&extra, NULL, "type=%s", isempty(driver) ? "bridge" : driver) < 0 ||
	    (container && strv_pushf(&extra, NULL, "container=%s", container) < 0))
		return;
	docker_event_of(d, "network", action, name, (const char *const *)strv_get(&extra));
}

int docker_network_create(struct docker *d, const char *body, struct buf *ret, struct err *e)
{
	_cleanup_value_ struct json_c_value *v = NULL;
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, NULL, &s, e);

	if (r == 0)
		r = value_parse(body, strlen(body), "network", &v, e);
	if (r == 0)
		r = dnet_add(&s.n, v, ret, e);
	if (r == 0)
		network_event(d, "create", value_text(v, "Name"), value_text(v, "Driver"), NULL);
	return r;
}

static const char *const filters_known[] = { "name",  "id",	  "driver", "scope",  "type",
					     "label", "dangling", "until",  "label!", NULL };

int docker_network_list(struct docker *d, const char *filters, struct buf *ret, struct err *e)
{
	_cleanup_value_ struct json_c_value *f = NULL;
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, NULL, &s, e);

	if (r == 0)
		r = docker_filters_parse(filters, filters_known, &f, e);
	return r < 0 ? r : dnet_list(&s.n, f, ret, e);
}

int docker_network_inspect(struct docker *d, const char *name, struct buf *ret, struct err *e)
{
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, NULL, &s, e);

	return r < 0 ? r : dnet_inspect(&s.n, name, ret, e);
}

int docker_network_remove(struct docker *d, const char *name, struct err *e)
{
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, NULL, &s, e);

	if (r == 0)
		r = dnet_remove(&s.n, name, e);
	if (r == 0)
		network_event(d, "destroy", name, NULL, NULL);
	return r;
}

/* The pid of C's first process, 0: it does not run. */
static pid_t pid_of(const struct docker_row *c)
{
	_cleanup_record_ struct record rec = { 0 };

	return docker_running(c, &rec, NULL) < 0 ? 0 : rec.pid;
}

int docker_network_connect(struct docker *d, const char *name, const char *body, struct err *e)
{
	_cleanup_value_ struct json_c_value *v = NULL;
	_cleanup_row_ struct docker_row c = { 0 };
	_cleanup_nets_ struct nets s = { 0 };
	int r = value_parse(body, strlen(body), "network", &v, e);

	container_config_init(&s.config);
	if (r == 0)
		r = docker_find(d, value_text(v, "Container") ?: "", &c, e);
	if (r == 0)
		r = docker_row_parse(&c, e);
	if (r == 0)
		r = nets_open(d, &c, &s, e);
	if (r == 0)
		r = dnet_connect(&s.n, name, &s.q, pid_of(&c), value_get(v, "EndpointConfig"), e);
	if (r == 0)
		network_event(d, "connect", name, NULL, c.id);
	return r;
}

int docker_network_disconnect(struct docker *d, const char *name, const char *id, bool force, struct err *e)
{
	_cleanup_row_ struct docker_row c = { 0 };
	_cleanup_nets_ struct nets s = { 0 };
	int r = docker_find(d, id, &c, e);

	container_config_init(&s.config);
	if (r == 0)
		r = nets_open(d, NULL, &s, e);
	if (r == 0)
		r = dnet_disconnect(&s.n, name, c.id, pid_of(&c), force, e);
	if (r == 0)
		network_event(d, "disconnect", name, NULL, c.id);
	return r;
}

int docker_network_prune(struct docker *d, const char *filters, struct buf *ret, struct err *e)
{
	_cleanup_value_ struct json_c_value *f = NULL;
	_cleanup_nets_ struct nets s;
	int r = nets_open(d, NULL, &s, e);

	if (r == 0)
		r = docker_filters_parse(filters, filters_known, &f, e);
	return r < 0 ? r : dnet_prune(&s.n, f, ret, e);
}
