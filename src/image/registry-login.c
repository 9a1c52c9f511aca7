/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Log-in, log-out, search. */
#include <json-c/json.h>
#include <stdio.h>
#include <strings.h>

#include "image/registry-inner.h"

#define SEARCH_HOST   "index.docker.io"
#define SEARCH_MAX    100u
#define CATALOG_PAGES 100u

/* --- log-in ---------------------------------------------------------------------------------------------------------------------------- */

/* "https://index.docker.io/v1/" is docker.io, "https://host:port/v2/" host:port. free() */
static char *domain_of(const char *server)
{
	char *name = auth_server_name(server);

	if (name && streq(name, DOCKER_HUB_SERVER)) {
		free(name);
		name = strdup(REFERENCE_DOCKER);
	}
	return name;
}

static int given(const char *user, const char *password, struct credential *c, struct err *e)
{
	if (isempty(user) || strchr(user, ':'))
		return err_kind(e, ERR_INVALID, -EINVAL, "a user name may not be empty and has no colon");
	c->user = strdup(user);
	c->secret = strdup(password);
	if (c->user && c->secret)
		return 0;
	credential_done(c);
	return err_oom(e);
}

static int check(struct registry *r, struct err *e)
{
	_cleanup_http_reply_ struct http_reply reply = { 0 };
	_cleanup_buf_ struct buf url = BUF_INIT;
	struct endpoint *ep = registry_self(r);
	char what[512];
	int rc = endpoint_url(r, ep, NULL, &url, e);

	ep->offline = true;
	if (rc >= 0)
		rc = endpoint_call(r, ep, "", &(struct http_request){ .method = "GET", .url = buf_str(&url) }, &reply,
				   e);
	if (rc < 0)
		return rc;
	snprintf(what, sizeof(what), "login attempt to %s", buf_str(&url));
	return reply.status == 200 ? 0 : reply_error(&reply, what, e);
}

int registry_check_login(const char *server, const char *user, const char *password, const struct registry_opts *o,
			 char **ret_identity_token, struct err *e)
{
	_cleanup_(registry_freep) struct registry *r = NULL;
	_cleanup_free_ char *domain = domain_of(server);
	struct credential c = { 0 };
	struct endpoint *ep;
	int rc = domain ? given(user, password, &c, e) : err_oom(e);

	if (rc < 0)
		return rc;
	rc = registry_open_as(domain, o, &c, &r, e);
	if (rc < 0) {
		credential_done(&c);
		return rc;
	}
	rc = check(r, e);
	ep = registry_self(r);
	*ret_identity_token = rc >= 0 ? TAKE_PTR(ep->credential.identity_token) : NULL;
	return rc;
}

int registry_login(const char *server, const char *user, const char *password, const struct registry_opts *o,
		   char **ret_plain_file, struct err *e)
{
	_cleanup_credential_ struct credential c = { 0 };
	char *token = NULL;
	int rc = registry_check_login(server, user, password, o, &token, e);

	if (rc < 0)
		return rc;
	rc = given(user, password, &c, e);
	c.identity_token = token;
	return rc < 0 ? rc : auth_store(o ? o->config_dir : NULL, server, &c, ret_plain_file, e);
}

int registry_logout(const char *server, const struct registry_opts *o, struct err *e)
{
	return auth_erase(o ? o->config_dir : NULL, server, e);
}

/* --- search ------------------------------------------------------------------------------------------------------------------------------ */

static void drop_json(struct json_object **v)
{
	json_object_put(*v);
}
#define _cleanup_json_ _cleanup_(drop_json)

static int write_results(struct json_object *list, struct buf *out, struct err *e)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();

	json_object_object_add(o, "results", json_object_get(list));
	buf_puts(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE) ?: "");
	return buf_error(out, e);
}

/* Of one page of the catalog the names that have WORD in them. */
static int take_names(const struct http_reply *reply, const char *word, unsigned limit, struct json_object *results,
		      struct err *e)
{
	_cleanup_json_ struct json_object *o = json_tokener_parse(buf_str(&reply->body));
	struct json_object *list = NULL;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, "repositories", &list) ||
	    !json_object_is_type(list, json_type_array))
		return err_kind(e, ERR_INVALID, -EINVAL, "the registry's catalog is not one");
	for (size_t i = 0; i < json_object_array_length(list) && json_object_array_length(results) < limit; i++) {
		struct json_object *name = json_object_array_get_idx(list, i), *row;

		if (!json_object_is_type(name, json_type_string) || !strcasestr(json_object_get_string(name), word))
			continue;
		row = json_object_new_object();
		json_object_object_add(row, "name", json_object_get(name));
		json_object_object_add(row, "description", json_object_new_string(""));
		json_object_object_add(row, "star_count", json_object_new_int(0));
		json_object_object_add(row, "is_official", json_object_new_boolean(false));
		json_object_object_add(row, "is_automated", json_object_new_boolean(false));
		json_object_array_add(results, row);
	}
	return 0;
}

static int search_catalog(struct registry *r, const char *word, unsigned limit, struct buf *out, struct err *e)
{
	_cleanup_json_ struct json_object *results = json_object_new_array();
	struct endpoint *ep = registry_self(r);
	char rest[512] = "_catalog?n=1000";

	for (unsigned page = 0; page < CATALOG_PAGES; page++) {
		_cleanup_http_reply_ struct http_reply reply = { 0 };
		_cleanup_buf_ struct buf url = BUF_INIT;
		int rc = endpoint_url(r, ep, NULL, &url, e);

		buf_puts(&url, rest);
		if (rc >= 0)
			rc = endpoint_call(r, ep, "registry:catalog:*",
					   &(struct http_request){ .method = "GET", .url = buf_str(&url) }, &reply, e);
		if (rc >= 0 && reply.status != 200)
			rc = reply_error(&reply, "this registry cannot be searched", e);
		if (rc >= 0)
			rc = take_names(&reply, word, limit, results, e);
		if (rc < 0)
			return rc;
		if (json_object_array_length(results) >= limit || !reply_next_page(&reply, "_catalog", rest))
			break;
	}
	return write_results(results, out, e);
}

/* GET /v1/search. 0: the registry has none. */
static int search_v1(struct registry *r, const char *word, unsigned limit, struct buf *out, struct err *e)
{
	_cleanup_http_reply_ struct http_reply reply = { 0 };
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_buf_ struct buf url = BUF_INIT;
	struct endpoint *ep = registry_self(r);
	struct json_object *list = NULL;
	int rc = endpoint_url(r, ep, NULL, &url, e);

	if (rc < 0)
		return rc;
	buf_reset(&url);
	buf_printf(&url, "%s/v1/search?q=", ep->base);
	http_escape(word, NULL, &url);
	buf_printf(&url, "&n=%u", limit);
	rc = endpoint_call(r, ep, "", &(struct http_request){ .method = "GET", .url = buf_str(&url) }, &reply, e);
	if (rc < 0)
		return rc;
	o = reply.status == 200 ? json_tokener_parse(buf_str(&reply.body)) : NULL;
	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, "results", &list) ||
	    !json_object_is_type(list, json_type_array))
		return 0;
	rc = write_results(list, out, e);
	return rc < 0 ? rc : 1;
}

int registry_search(const char *term, unsigned limit, const struct registry_opts *o, struct buf *out, struct err *e)
{
	_cleanup_(registry_freep) struct registry *r = NULL;
	_cleanup_free_ char *host = strndup(term, strcspn(term, "/"));
	const char *word = term + strcspn(term, "/");
	int rc;

	if (!host)
		return err_oom(e);
	/* As in a reference: a first part that can be no name of a repository is a host. */
	if (!*word || !(strpbrk(host, ".:") || streq(host, "localhost"))) {
		word = term;
		free(host);
		host = strdup(SEARCH_HOST);
	} else {
		word++;
	}
	if (limit > SEARCH_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "limit %u is outside the range of [1, %u]", limit, SEARCH_MAX);
	rc = host ? registry_open(host, o, &r, e) : err_oom(e);
	if (rc >= 0)
		rc = search_v1(r, word, limit ?: 25, out, e);
	if (rc == 0)
		rc = search_catalog(r, word, limit ?: 25, out, e);
	return rc < 0 ? rc : 0;
}
