/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Containers that are no image's (LXC's, an OCI runtime's), in the API's words: what Docker's requests can do to them. */

#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "engine/docker-inner.h"

/* Until what is asked to shut down is killed: an init has more to do than Docker's ten seconds. */
#define STOP_TIMEOUT_S 60

static struct container *find(struct docker *d, const char *name, unsigned flags, struct err *e)
{
	struct container *c = NULL;

	name += *name == '/';
	if (container_open(d->engine, name, NULL, OPEN_MUST_EXIST | flags, &c, NULL) < 0)
		return NULL;
	if (container_has_data(c))
		return container_free(c);
	if (e)
		err_clear(e);
	return c;
}

struct container *docker_lxc_find(struct docker *d, const char *name, struct err *e)
{
	return find(d, name, OPEN_NO_CONFIG, e);
}

struct container *docker_lxc_load(struct docker *d, const char *name, struct err *e)
{
	return find(d, name, 0, e);
}

static bool runs(const struct container *c)
{
	return c->rec.state != RUN_STOPPED;
}

int docker_lxc_start(struct container *c, struct err *e)
{
	struct start_opts o = START_OPTS_INIT;
	int status;

	return runs(c) ? 1 : container_start(c, &o, &status, e);
}

int docker_lxc_stop(struct container *c, const char *signal, int timeout_s, struct err *e)
{
	struct stop_opts o = { .timeout_s = timeout_s == -2 ? STOP_TIMEOUT_S : timeout_s };
	struct err own = { 0 };
	enum run_state s;
	int sig, r = 0;

	e = e ?: &own;
	if (!runs(c))
		return 1;
	if (!isempty(signal)) {
		r = docker_signal(signal, &sig, e);
		if (r == 0)
			r = container_signal(c, sig, e);
		/* That it ends by this one is waited for; what container_stop() would send is another. */
		if (r == 0)
			r = record_wait(c->id, 1u << RUN_STOPPED,
					o.timeout_s < 0 || o.timeout_s > INT32_MAX / 1000 ? -1 : o.timeout_s * 1000, &s,
					e);
		o.kill = true;
		o.timeout_s = 0;
	}
	if (r >= 0)
		r = container_stop(c, &o, e);
	if (r == -ESRCH)
		err_clear(e);
	return r == -ESRCH ? 0 : r;
}

int docker_lxc_wait(struct container *c, const char *condition, int *ret_code, struct err *e)
{
	enum run_state s;
	int r = 0;

	if (streq(condition, "removed"))
		return err_kind(e, ERR_INVALID, -EOPNOTSUPP,
				"%s is a container of LXC: its removal cannot be waited for, its end can", c->name);
	if (streq(condition, "next-exit") && !runs(c))
		r = record_wait(c->id, 1u << RUN_RUNNING, -1, &s, e);
	if (r >= 0)
		r = record_wait(c->id, 1u << RUN_STOPPED, -1, &s, e);
	if (r >= 0)
		r = container_refresh(c, e);
	if (r < 0)
		return r;
	r = c->rec.exit_status;
	*ret_code = r == -1 ? 0 : WIFSIGNALED(r) ? 128 + WTERMSIG(r) : WEXITSTATUS(r);
	return 0;
}

/* --- inspect ---------------------------------------------------------------------------------------------------------------- */

static void write_state(struct container *c, struct json *j)
{
	enum run_state state = container_state(c);
	bool alive = state != RUN_STOPPED;
	enum docker_status status = !alive ? DS_EXITED : state == RUN_FROZEN ? DS_PAUSED : DS_RUNNING;
	int was = c->rec.exit_status;
	char when[40];

	json_object(j);
	json_kv_string(j, "Status", docker_status_names[status]);
	json_kv_bool(j, "Running", alive);
	json_kv_bool(j, "Paused", status == DS_PAUSED);
	json_kv_bool(j, "Restarting", false);
	json_kv_bool(j, "OOMKilled", false);
	json_kv_bool(j, "Dead", false);
	json_kv_i64(j, "Pid", alive ? c->rec.pid : 0);
	json_kv_i64(j, "ExitCode", alive || was == -1 ? 0 : WIFSIGNALED(was) ? 128 + WTERMSIG(was) : WEXITSTATUS(was));
	json_kv_string(j, "Error", "");
	json_kv_string(j, "StartedAt", docker_time(c->rec.started_ns, when));
	json_kv_string(j, "FinishedAt", docker_time(0, when));
	json_end_object(j);
}

static void write_words(const char *key, const struct strv *words, struct json *j)
{
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < words->n; i++)
		json_string(j, words->v[i]);
	json_end_array(j);
}

static void write_config(const struct container *c, const struct strv *command, struct json *j)
{
	json_key(j, "Config");
	json_object(j);
	json_kv_string(j, "Hostname", c->spec.hostname ?: c->name);
	json_kv_string(j, "Domainname", c->spec.domainname ?: "");
	json_kv_string(j, "User", "");
	json_kv_bool(j, "Tty", false);
	json_kv_bool(j, "OpenStdin", false);
	write_words("Env", &c->spec.process.env, j);
	write_words("Cmd", command, j);
	json_kv_string(j, "Image", "-");
	json_kv_string(j, "WorkingDir", c->spec.process.cwd ?: "");
	json_key(j, "Labels");
	json_object(j);
	json_kv_string(j, "creel.personality", c->rec.bundle ? "oci" : "lxc");
	json_end_object(j);
	json_end_object(j);
}

/* The first address of a family, as container_ips() has it: "eth0 4 10.0.3.5". Borrowed; "": none. */
static const char *address(const struct strv *ips, const char *family)
{
	for (size_t i = 0; i < ips->n; i++) {
		const char *at = strchr(ips->v[i], ' ');

		if (at && startswith(at + 1, family) && !startswith(ips->v[i], "lo "))
			return strchr(at + 1, ' ') + 1;
	}
	return "";
}

static void write_network(struct container *c, struct json *j)
{
	_cleanup_strv_ struct strv ips = STRV_INIT;

	if (runs(c))
		(void)container_ips(c, &ips, NULL);
	json_key(j, "NetworkSettings");
	json_object(j);
	json_key(j, "Ports");
	json_object(j);
	json_end_object(j);
	json_kv_string(j, "IPAddress", address(&ips, "4 "));
	json_kv_string(j, "GlobalIPv6Address", address(&ips, "6 "));
	json_key(j, "Networks");
	json_object(j);
	json_end_object(j);
	json_end_object(j);
}

static int write_host(struct json *j, struct err *e)
{
	_cleanup_value_ struct json_c_value *none = NULL;
	int r = value_parse("{}", 2, "HostConfig", &none, e);

	json_key(j, "HostConfig");
	return r < 0 ? r : docker_host_write(none, j, e);
}

int docker_lxc_inspect(struct container *c, struct buf *ret, struct err *e)
{
	_cleanup_strv_ struct strv command = STRV_INIT;
	const char *init = c->spec.process.init_cmd ?: "/sbin/init";
	char name[256 + 1], when[40];
	struct stat st;
	struct json j;
	int r = c->spec.process.args.n ? strv_copy(&command, &c->spec.process.args, e)
				       : strv_split(&command, init, " \t", e);

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "/%s", c->name);
	json_init(&j, ret, false);
	json_object(&j);
	json_kv_string(&j, "Id", c->id);
	json_kv_string(
		&j, "Created",
		docker_time(stat(c->config, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000000 : c->rec.started_ns,
			    when));
	json_kv_string(&j, "Path", command.n ? command.v[0] : "");
	write_words("Args", &(struct strv){ .v = command.v + (command.n > 0), .n = command.n - (command.n > 0) }, &j);
	json_key(&j, "State");
	write_state(c, &j);
	json_kv_string(&j, "Image", "");
	json_kv_string(&j, "LogPath", c->spec.dev.console_logfile ?: "");
	json_kv_string(&j, "Name", name);
	json_kv_u64(&j, "RestartCount", c->rec.restarts);
	json_kv_string(&j, "Platform", "linux");
	json_kv_string(&j, "AppArmorProfile", c->rec.lsm_label ?: "");
	r = write_host(&j, e);
	json_key(&j, "GraphDriver");
	json_object(&j);
	json_kv_string(&j, "Name", "");
	json_key(&j, "Data");
	json_object(&j);
	json_kv_string(&j, "Rootfs", c->spec.rootfs.path ?: "");
	json_end_object(&j);
	json_end_object(&j);
	json_key(&j, "Mounts");
	json_array(&j);
	json_end_array(&j);
	write_config(c, &command, &j);
	write_network(c, &j);
	json_end_object(&j);
	return r == 0 ? buf_error(ret, e) : r;
}
