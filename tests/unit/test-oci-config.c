/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dialect/oci/rows.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "unit/test.h"

/* Into tests/conformance/oci-config, whose case "full" says every member there is. */
static void enter_cases(void)
{
	const char *source = __FILE__;
	char exe[PATH_MAX], dir[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	CHECK(n > 0);
	exe[n] = '\0';
	/* Meson names the source relative to the build tree's top, where this program lies two folders down. */
	snprintf(dir, sizeof(dir), "%s/", *source == '/' ? "" : dirname(dirname(dirname(exe))));
	strcat(dir, source);
	*strstr(dir, "unit/test-oci-config.c") = '\0';
	strcat(dir, "conformance/oci-config");
	CHECK(chdir(dir) == 0);
}

static char *read_full(void)
{
	char *text;

	enter_cases();
	CHECK(file_read(AT_FDCWD, "full/input", OCI_TEXT_MAX, &text, NULL, NULL) == 0);
	return text;
}

static struct json_c_value *parse_full(void)
{
	_cleanup_free_ char *text = read_full();
	struct json_c_value *v;

	CHECK(oci_parse(text, strlen(text), "full", &v, NULL) == 0);
	return v;
}

/* --- every member --------------------------------------------------------------------------------------------------- */

static void check_rows(const struct oci_row *rows, struct json_c_value *v, const char *where)
{
	unsigned n = 0;

	CHECK(v);
	/* Of an array the elements together have all of them. */
	for (const struct oci_row *row = rows; row->name; row++) {
		struct json_c_value *m = NULL;

		CHECK(++n < OCI_ROWS_MAX);
		if (json_object_is_type(v, json_type_array))
			for (size_t i = 0; i < json_object_array_length(v) && !m; i++)
				json_object_object_get_ex(json_object_array_get_idx(v, i), row->name, &m);
		else
			json_object_object_get_ex(v, row->name, &m);
		if (!m && row->kind != &oci_kind_refused)
			printf("# %s: no %s in the case \"full\"\n", where, row->name);
		CHECK(m || row->kind == &oci_kind_refused);
		if (row->sub && !json_object_is_type(m, json_type_object))
			check_rows(row->sub, m, row->name);
		else if (row->sub && streq(row->name, "netDevices"))
			continue;
		else if (row->sub)
			check_rows(row->sub, m, row->name);
	}
}

TEST(full_has_every_row)
{
	struct json_c_value *v = parse_full(), *process, *linux_, *resources;

	CHECK(json_object_object_get_ex(v, "process", &process));
	CHECK(json_object_object_get_ex(v, "linux", &linux_));
	CHECK(json_object_object_get_ex(linux_, "resources", &resources));
	check_rows(oci_rows_config, v, "config");
	check_rows(oci_rows_process, process, "process");
	check_rows(oci_rows_linux, linux_, "linux");
	check_rows(oci_rows_resources, resources, "resources");
	json_object_put(v);
}

TEST(rows_name_fields)
{
	static const struct oci_row *const tables[] = { oci_rows_config, oci_rows_process, oci_rows_linux,
							oci_rows_resources };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct oci_row *row = tables[i]; row->name; row++) {
			CHECK(row->kind && row->kind->load && row->kind->save);
			CHECK(!row->field || field_row(spec_fields, row->field, strlen(row->field)));
			for (const struct oci_row *other = tables[i]; other < row; other++)
				CHECK(!streq(other->name, row->name));
		}
}

/* The fields of the model that no config.json can say: other dialects' and the engine's. */
static bool is_foreign(const struct field *f)
{
	static const char *const foreign[] = {
		"name",
		"groups",
		"process.init_cmd",
		"process.execute_cmd",
		"process.env_runtime",
		"process.env_hooks",
		"process.cap_drop",
		"process.cap_keep",
		"process.sched_core",
		"process.keyring_session",
		"process.sig_",
		"rootfs.mount",
		"rootfs.options",
		"rootfs.managed",
		"fstab",
		"mount_auto",
		"dev.tmpfs_size",
		"dev.tty_",
		"dev.pty_max",
		"dev.console_",
		"ns.keep",
		"ns.share.",
		"cgroup.dir",
		"cgroup.relative",
		"security.apparmor_",
		"security.selinux_keyring",
		"security.seccomp_",
		"hooks.",
		"process.none",
		"hook_version",
		"ephemeral",
		"start.",
		"monitor.",
		"log.",
	};
	static const char *const ours[] = { "ns.share.net", "cgroup.dir_container", "security.apparmor_profile" };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (streq(f->name, ours[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		if (startswith(f->name, foreign[i]))
			return true;
	return false;
}

static bool member_set(const struct field *m, const struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (field_is_set(m, (const char *)l->v + i * l->size))
			return true;
	return false;
}

TEST(full_sets_every_field)
{
	_cleanup_free_ char *text = read_full();
	_cleanup_oci_info_ struct oci_info info = { 0 };
	_cleanup_spec_ struct spec s;
	struct err e = { 0 };

	spec_init(&s);
	if (oci_load(text, strlen(text), "full", "/b", &s, &info, &e) < 0)
		printf("# %s\n", e.msg);
	CHECK(!e.code);
	CHECK_STR(info.version, "1.3.0");
	for (const struct field *f = spec_fields; f->name; f++) {
		if (field_is_set(f, &s) != !is_foreign(f))
			printf("# %s\n", f->name);
		CHECK(field_is_set(f, &s) == !is_foreign(f));
		/* Interfaces are moved in, never made. */
		for (const struct field *m = f->sub; m && m->name && !streq(f->name, "net"); m++) {
			if (!member_set(m, (const struct list *)((const char *)&s + f->offset)))
				printf("# %s.%s\n", f->name, m->name);
			CHECK(member_set(m, (const struct list *)((const char *)&s + f->offset)));
		}
	}
}

/* --- there and back -------------------------------------------------------------------------------------------------- */

static int load_text(const char *text, struct spec *s, struct err *e)
{
	return oci_load(text, strlen(text), "t", "/b", s, NULL, e);
}

static void check_round_trip(const struct spec *s)
{
	_cleanup_buf_ struct buf saved = BUF_INIT, again = BUF_INIT;
	_cleanup_strv_ struct strv unsaid = STRV_INIT;
	_cleanup_spec_ struct spec back;
	struct err e = { 0 };

	spec_init(&back);
	CHECK(oci_save(s, &saved, &unsaid, &e) == 0);
	for (size_t i = 0; i < unsaid.n; i++)
		printf("# unsaid: %s\n", unsaid.v[i]);
	CHECK(!unsaid.n);
	if (load_text(buf_str(&saved), &back, &e) < 0)
		printf("# %s\n", e.msg);
	CHECK(!e.code);
	CHECK(spec_equal(s, &back));
	CHECK(oci_save(&back, &again, NULL, &e) == 0);
	CHECK_STR(buf_str(&saved), buf_str(&again));
}

TEST(full_round_trips)
{
	_cleanup_free_ char *text = read_full();
	_cleanup_spec_ struct spec s;

	spec_init(&s);
	CHECK(load_text(text, &s, NULL) == 0);
	CHECK(spec_validate(&s, NULL) == 0);
	check_round_trip(&s);
}

/* Each node of the case "full" in turn is something else. What is then accepted must round-trip; what is refused must
 * name the place, or one that needs it. */
struct mutation {
	struct json_c_value *root;
	struct json_c_value *to; /* NULL: null */
	unsigned refused, accepted;
};

/* The place itself, one above or below it, or what needs the value that is gone. */
static bool names_place(const char *message, const char *path)
{
	size_t n = strcspn(message, ":");

	return startswith(message, path) || strncmp(message, path, n) == 0 || strstr(message, "needs a private") ||
	       strstr(message, "namespace");
}

static void try_mutation(struct mutation *m, const char *path)
{
	const char *text = json_object_to_json_string_ext(m->root, JSON_C_TO_STRING_PLAIN);
	_cleanup_spec_ struct spec s;
	struct err e = { 0 };

	spec_init(&s);
	if (load_text(text, &s, &e) == 0) {
		m->accepted++;
		check_round_trip(&s);
		return;
	}
	m->refused++;
	CHECK(startswith(e.msg, "t: "));
	if (!names_place(e.msg + 3, path))
		printf("# %s: %s\n", path, e.msg);
	CHECK(names_place(e.msg + 3, path));
}

static void mutate_below(struct mutation *m, struct json_c_value *v, const char *path)
{
	if (json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v); i++) {
			struct json_c_value *old = json_object_get(json_object_array_get_idx(v, i));
			_cleanup_buf_ struct buf below = BUF_INIT;

			buf_printf(&below, "%s[%zu]", path, i);
			json_object_array_put_idx(v, i, json_object_get(m->to));
			try_mutation(m, buf_str(&below));
			json_object_array_put_idx(v, i, old);
			mutate_below(m, old, buf_str(&below));
		}
	} else if (json_object_is_type(v, json_type_object)) {
		for (struct lh_entry *entry = lh_table_head(json_object_get_object(v)); entry;
		     entry = lh_entry_next(entry)) {
			struct json_c_value *old = json_object_get(lh_entry_v(entry));
			_cleanup_buf_ struct buf below = BUF_INIT;

			buf_printf(&below, "%s%s%s", path, *path ? "." : "", (const char *)lh_entry_k(entry));
			json_object_object_add(v, lh_entry_k(entry), json_object_get(m->to));
			try_mutation(m, buf_str(&below));
			json_object_object_add(v, lh_entry_k(entry), old);
			mutate_below(m, old, buf_str(&below));
		}
	}
}

static void mutate(struct json_c_value *to, unsigned least_refused)
{
	struct mutation m = { .root = parse_full(), .to = to };

	mutate_below(&m, m.root, "");
	printf("# %u refused, %u accepted\n", m.refused, m.accepted);
	CHECK(m.refused >= least_refused);
	json_object_put(m.root);
	json_object_put(to);
}

TEST(every_node_null)
{
	mutate(NULL, 60);
}

TEST(every_node_of_another_type)
{
	mutate(json_object_new_object(), 200);
	mutate(json_object_new_boolean(1), 200);
	mutate(json_object_new_double(0.5), 300);
}

TEST(every_node_odd)
{
	mutate(json_object_new_int64(-7), 250);
	mutate(json_object_new_uint64(UINT64_MAX), 250);
	mutate(json_object_new_string("\n"), 250);
	mutate(json_object_new_string(""), 150);
}

/* --- what is refused -------------------------------------------------------------------------------------------------- */

static const char process_and_root[] = "\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"},\"root\":{\"path\":\"r\"}";

TEST(broken_text_has_line_and_column)
{
	static const char *const cases[][2] = {
		{ "", "t:1:1: " },
		{ "{", "t:1:2: " },
		{ "{\n\t\"a\": 1,\n\t}", "t:3:2: " },
		{ "{\n\t\"a\" 1\n}", "t:2:6: " },
		{ "{\"a\": [1, 2\n  3]}", "t:2:3: " },
		{ "{\"a\": tru}", "t:1:10: " },
		{ "{\"a\": \"b}", "t:1:10: " },
		{ "{}\n x", "t:2:2: " },
		{ "[]", "t:1:1: " },
		{ "{\"a\": \"\xff\"}", "t:1:8: " },
		{ "{\"a\": 99999999999999999999}", "t:1:7: " },
		{ "{\"a\": 18446744073709551616}", "t:1:7: " },
		{ "{\"12345678901234567890\": [1.5,\n -9223372036854775809]}", "t:2:2: " },
		{ "{\"a\": 01}", "t:1:9: " },
		{ "{\"a\": 1} /* b */", "t:1:10: " },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_spec_ struct spec s;
		struct err e = { 0 };

		spec_init(&s);
		CHECK(load_text(cases[i][0], &s, &e) == -EINVAL);
		if (!startswith(e.msg, cases[i][1]))
			printf("# %s: %s, not %s\n", cases[i][0], e.msg, cases[i][1]);
		CHECK(startswith(e.msg, cases[i][1]));
		CHECK(e.kind == ERR_INVALID);
	}
}

TEST(limits)
{
	_cleanup_buf_ struct buf deep = BUF_INIT;
	_cleanup_spec_ struct spec s;
	struct err e = { 0 };
	char *large;

	spec_init(&s);
	for (unsigned i = 0; i < 100; i++)
		buf_puts(&deep, "{\"a\":");
	CHECK(load_text(buf_str(&deep), &s, &e) == -EINVAL);
	CHECK(strstr(e.msg, "levels"));
	large = malloc(OCI_TEXT_MAX + 1);
	CHECK(large);
	memset(large, ' ', OCI_TEXT_MAX + 1);
	CHECK(oci_load(large, OCI_TEXT_MAX + 1, "t", NULL, &s, NULL, &e) == -E2BIG);
	CHECK(e.kind == ERR_LIMIT);
	free(large);
}

TEST(versions)
{
	static const char *const good[] = { "1.0.0", "1.0.2-dev", "1.2.0", "1.3.0+x", "1.10.1", "1.1.0-rc.1" };
	static const char *const bad[] = { "",	     "1",      "1.0",	 "0.9.0",   "2.0.0",  "1.0.0-rc1",
					   "01.0.0", "1.0.0 ", "1.0.0_", "1.0.0.0", "v1.0.0", "1.-1.0" };

	for (size_t i = 0; i < ARRAY_SIZE(good) + ARRAY_SIZE(bad); i++) {
		const char *version = i < ARRAY_SIZE(good) ? good[i] : bad[i - ARRAY_SIZE(good)];
		_cleanup_buf_ struct buf text = BUF_INIT;
		_cleanup_oci_info_ struct oci_info info = { 0 };
		_cleanup_spec_ struct spec s;
		int r;

		spec_init(&s);
		buf_printf(&text, "{\"ociVersion\":\"%s\",%s}", version, process_and_root);
		r = oci_load(buf_str(&text), text.len, "t", "/b", &s, &info, NULL);
		if ((r < 0) != (i >= ARRAY_SIZE(good)))
			printf("# %s\n", version);
		CHECK((r < 0) == (i >= ARRAY_SIZE(good)));
		CHECK(r < 0 || streq(info.version, version));
	}
}

TEST(names_are_matched_as_go_does)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_oci_info_ struct oci_info info = { 0 };
	_cleanup_spec_ struct spec s;

	spec_init(&s);
	buf_printf(&text,
		   "{\"OCIVERSION\":\"1.0.0\",%s,\"Hostname\":\"no\",\"hostname\":\"h\","
		   "\"linux\":{\"namespaces\":[{\"Type\":\"uts\"}]}}",
		   process_and_root);
	CHECK(oci_load(buf_str(&text), text.len, "t", "/b", &s, &info, NULL) == 0);
	CHECK_STR(s.hostname, "h");
	CHECK(info.ignored.n == 1);
	CHECK_STR(info.ignored.v[0], "Hostname");
	CHECK(s.ns_clone == 1u << NS_UTS && !s.ns_keep);
}

TEST(notes_are_bounded)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_oci_info_ struct oci_info info = { 0 };
	_cleanup_spec_ struct spec s;

	spec_init(&s);
	buf_printf(&text, "{\"ociVersion\":\"1.0.0\",%s", process_and_root);
	for (unsigned i = 0; i < 5000; i++)
		buf_printf(&text, ",\"x%u\":1", i);
	buf_puts(&text, "}");
	CHECK(oci_load(buf_str(&text), text.len, "t", "/b", &s, &info, NULL) == 0);
	CHECK(info.ignored.n > 100 && info.ignored.n < 1000);
}

/* --- from another dialect --------------------------------------------------------------------------------------------- */

TEST(save_names_what_it_cannot_say)
{
	static const char *const fields[][3] = {
		/* field, value, what is said to be unsaid; NULL: nothing */
		{ "hooks.start", "/x", "hooks.start=/x" },
		{ "process.cap_drop", "sys_time", NULL },
		{ "process.init_cmd", "/sbin/init 'a b'", NULL },
		{ "rootfs.path", "/r", NULL },
		{ "rootfs.path", "overlay:/a:/b", "rootfs.path=overlay:/a:/b" },
		{ "mount_auto", "proc", "mount_auto=proc" },
		{ "dev.autodev", "1", "dev.autodev=1" },
		{ "dev.console_path", "none", NULL },
		{ "ns.share.net", "c2", "ns.share.net=c2" },
		{ "process.env", "TERM", "process.env=TERM" },
		{ "process.procs", "sched_autogroup=1", "process.procs=sched_autogroup=1" },
		{ "time.boot", "-3h", NULL },
		{ "cgroup.items", "version=2 key=memory.max value=1M", NULL },
		{ "cgroup.items", "version=1 key=memory.limit_in_bytes value=1M", NULL },
		{ "cgroup.items", "version=1 key=freezer.state value=FROZEN", "cgroup.items=freezer.state FROZEN" },
		{ "net", "index=0 type=veth link=br0", "net.0.type=veth" },
		{ "name", "c1", NULL },
		/* Halves of elements, as a spec that was never validated may have them. */
		{ "cgroup.items", "version=1", NULL },
		{ "mounts", "options=ro", NULL },
		{ "exec_hooks", "path=/x", NULL },
		{ "process.rlimits", "soft=1", NULL },
		{ "security.seccomp.rules", "action=allow", NULL },
		{ "dev.devices", "major=1", NULL },
		{ "idmaps", "range=5", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		_cleanup_strv_ struct strv unsaid = STRV_INIT;
		_cleanup_spec_ struct spec s;
		struct err e = { 0 };

		spec_init(&s);
		if (field_set(field_row(spec_fields, fields[i][0], strlen(fields[i][0])), &s, fields[i][1], &e) < 0)
			printf("# %s\n", e.msg);
		CHECK(!e.code);
		CHECK(oci_save(&s, &out, &unsaid, NULL) == 0);
		for (size_t k = 0; k < unsaid.n; k++)
			printf("# unsaid: %s\n", unsaid.v[k]);
		CHECK(unsaid.n == (fields[i][2] != NULL));
		CHECK(!unsaid.n || streq(unsaid.v[0], fields[i][2]));
	}
}

TEST(capabilities_of_another_dialect)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_spec_ struct spec s, back;

	spec_init(&s);
	spec_init(&back);
	CHECK(strv_push(&s.process.cap_drop, "sys_admin", NULL) == 0);
	CHECK(strv_push(&s.process.args, "a", NULL) == 0);
	s.process.cwd = strdup("/");
	s.rootfs.path = strdup("/r");
	CHECK(oci_save(&s, &out, NULL, NULL) == 0);
	CHECK(load_text(buf_str(&out), &back, NULL) == 0);
	CHECK(back.process.cap_bounding.n == 40 && back.process.cap_effective.n == 40);
	CHECK(!strv_has(&back.process.cap_permitted, "sys_admin") && strv_has(&back.process.cap_permitted, "bpf"));
	CHECK_STR(back.process.cap_ambient.v[0], "none");
	CHECK_STR(back.process.cap_inheritable.v[0], "none");
}

/* --- words ------------------------------------------------------------------------------------------------------------ */

TEST(words_round_trip)
{
	static const struct oci_word *const tables[] = {
		oci_caps,	   oci_hooks,	      oci_namespaces,	  oci_seccomp_actions, oci_seccomp_operators,
		oci_seccomp_archs, oci_seccomp_flags, oci_sched_policies, oci_sched_flags,     oci_ioprio_classes,
		oci_mem_modes,	   oci_mem_flags,     oci_rlimits,	  oci_propagations,
	};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct oci_word *w = tables[i]; w->name; w++) {
			CHECK_STR(oci_word(tables[i], w->name, false), w->word);
			CHECK_STR(oci_word_name(tables[i], w->word), w->name);
		}
	CHECK_STR(oci_cap_word("cap_Sys_Admin"), "sys_admin");
	CHECK(!oci_cap_word("SYS_ADMIN") && !oci_cap_word(""));
}

/* What the model takes for a word and what this dialect says are one list. */
TEST(words_are_the_models)
{
	static const struct {
		const char *field;
		const struct oci_word *words;
	} tables[] = {
		{ "process.sched.policy", oci_sched_policies },
		{ "process.ioprio_class", oci_ioprio_classes },
		{ "process.mem_mode", oci_mem_modes },
		{ "rootfs.propagation", oci_propagations },
		{ "security.seccomp.action", oci_seccomp_actions },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		const struct field *f = field_row(spec_fields, tables[i].field, strlen(tables[i].field));
		size_t n = 0;

		while (tables[i].words[n].name)
			n++;
		for (const char *const *name = f->names; *name; name++, n--)
			CHECK(oci_word_name(tables[i].words, *name));
		CHECK(!n);
	}
}

/* --- what commands print ---------------------------------------------------------------------------------------------- */

TEST(state_of_hooks_and_of_the_command)
{
	_cleanup_buf_ struct buf hook = BUF_INIT, command = BUF_INIT;
	_cleanup_strv_ struct strv annotations = STRV_INIT;
	struct oci_state state = { .id = "c\"1", .status = "created", .bundle = "/b", .pid = 5 };

	CHECK(oci_state_json(&hook, &state, false, NULL) == 0);
	CHECK_STR(buf_str(&hook),
		  "{\"ociVersion\":\"1.3.0\",\"id\":\"c\\\"1\",\"status\":\"created\",\"pid\":5,\"bundle\":\"/b\"}");
	CHECK(strv_push(&annotations, "a=b=c", NULL) == 0);
	state = (struct oci_state){ .version = "1.0.2",
				    .id = "c1",
				    .status = "stopped",
				    .bundle = "/b",
				    .annotations = &annotations,
				    .rootfs = "/b/r",
				    .owner = "root",
				    .created_ns = 1700000000120000000ull };
	CHECK(oci_state_json(&command, &state, true, NULL) == 0);
	CHECK_STR(buf_str(&command), "{\n  \"ociVersion\": \"1.0.2\",\n  \"id\": \"c1\",\n  \"pid\": 0,\n"
				     "  \"status\": \"stopped\",\n  \"bundle\": \"/b\",\n  \"rootfs\": \"/b/r\",\n"
				     "  \"created\": \"2023-11-14T22:13:20.12Z\",\n  \"annotations\": {\n"
				     "    \"a\": \"b=c\"\n  },\n  \"owner\": \"root\"\n}");
}

TEST(times_have_no_zeros_at_the_end)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} times[] = {
		{ 1700000000000000000ull, "20Z\"" },
		{ 1700000000100000000ull, "20.1Z\"" },
		{ 1700000000000000001ull, "20.000000001Z\"" },
		{ 1700000000123456789ull, "20.123456789Z\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		struct oci_state state = { .id = "c", .status = "s", .bundle = "/", .rootfs = "/" };
		_cleanup_buf_ struct buf out = BUF_INIT;

		state.created_ns = times[i].ns;
		CHECK(oci_state_json(&out, &state, false, NULL) == 0);
		CHECK(strstr(buf_str(&out), times[i].text));
	}
}

TEST(the_example_loads)
{
	for (int rootless = 0; rootless < 2; rootless++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		_cleanup_oci_info_ struct oci_info info = { 0 };
		_cleanup_spec_ struct spec s;

		spec_init(&s);
		CHECK(oci_default(&text, rootless, 1000, 1001, NULL) == 0);
		CHECK(oci_load(buf_str(&text), text.len, "t", "/b", &s, &info, NULL) == 0);
		CHECK(!info.ignored.n && !info.warnings.n);
		CHECK_STR(s.rootfs.path, "dir:/b/rootfs");
		CHECK(s.idmaps.n == (rootless ? 2 : 0));
		CHECK(spec_validate(&s, NULL) == 0);
		check_round_trip(&s);
	}
}

/* --- speed ------------------------------------------------------------------------------------------------------------- */

/* About a thousand lines, as Docker writes them: a policy of 350 system calls is most of it. The time is shown; what is
 * checked is an order of magnitude above it, so that a busy machine fails nobody. */
TEST(a_thousand_lines_load_at_once)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct timespec from, to;
	unsigned rounds = 50;
	double us;

	buf_printf(&text,
		   "{\"ociVersion\":\"1.0.0\",%s,\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\","
		   "\"syscalls\":[",
		   process_and_root);
	for (unsigned i = 0; i < 50; i++) {
		buf_printf(&text, "%s\n{\n\"names\": [", i ? "," : "");
		for (unsigned k = 0; k < 12; k++)
			buf_printf(&text, "%s\n\t\t\"system_call_%u\"", k ? "," : "", k);
		buf_puts(&text, "\n],\n\"action\": \"SCMP_ACT_ALLOW\",\n\"args\": [{\"index\": 0,\n\"value\": 8,\n"
				"\"op\": \"SCMP_CMP_EQ\"}]\n}");
	}
	buf_puts(&text, "]}}}");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (unsigned i = 0; i < rounds; i++) {
		_cleanup_spec_ struct spec s;

		spec_init(&s);
		CHECK(load_text(buf_str(&text), &s, NULL) == 0);
		CHECK(s.security.seccomp.rules.n == 50);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	us = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / 1e3 / rounds;
	printf("# %.0f us\n", us);
	CHECK(us < 20000);
}

/* --- the cases in tests/conformance/oci-config ------------------------------------------------------------------------- */

static void put_error(struct buf *out, const struct err *e)
{
	buf_printf(out, "error: %s\n", e->msg);
	if (*e->hint)
		buf_printf(out, "hint: %s\n", e->hint);
}

static void put_info(struct buf *out, const struct oci_info *info)
{
	for (size_t i = 0; i < info->ignored.n; i++)
		buf_printf(out, "ignored: %s\n", info->ignored.v[i]);
	for (size_t i = 0; i < info->warnings.n; i++)
		buf_printf(out, "warning: %s\n", info->warnings.v[i]);
}

static int run_save(const struct spec *s, struct buf *out, struct err *e)
{
	_cleanup_strv_ struct strv unsaid = STRV_INIT;
	int r = oci_save(s, out, &unsaid, e);

	for (size_t i = 0; i < unsaid.n; i++)
		buf_printf(out, "unsaid: %s\n", unsaid.v[i]);
	return r;
}

/* One line of a case's "command": dump, save, validate, spec, spec-rootless, features. */
static void run_command(const struct spec *s, const char *line, struct buf *out)
{
	static char ro[] = "ro", bind[] = "bind", *options[] = { ro, bind };
	const struct strv mount_options = { .v = options, .n = 2 };
	static char kill_word[] = "kill", log_word[] = "log", *kill[] = { kill_word }, *log[] = { log_word };
	static const char *const annotations[] = { "org.systemd.property.", NULL };
	const struct strv actions = { .v = kill, .n = 1 }, flags = { .v = log, .n = 1 };
	const struct oci_host host = { .mount_options = &mount_options,
				       .seccomp_actions = &actions,
				       .seccomp_flags = &flags,
				       .annotations = annotations,
				       .cgroup_v2 = true,
				       .seccomp = true,
				       .idmap = true,
				       .version = "1",
				       .seccomp_version = "2.5.4" };
	struct err e = { 0 };
	int r = -EINVAL;

	if (streq(line, "dump"))
		r = spec_dump(s, out, &e);
	else if (streq(line, "save"))
		r = run_save(s, out, &e);
	else if (streq(line, "validate"))
		r = spec_validate(s, &e);
	else if (streq(line, "spec"))
		r = oci_default(out, false, 0, 0, &e);
	else if (streq(line, "spec-rootless"))
		r = oci_default(out, true, 0, 0, &e);
	else if (streq(line, "features"))
		r = oci_features(out, &host, &e);
	else
		err_kind(&e, ERR_INVALID, r, "no command: %s", line);
	if (r < 0)
		put_error(out, &e);
}

/* Which of "input" (config.json), "process" or "resources" is there is what is read. */
static int load_case(struct spec *s, struct oci_info *info, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (file_read(AT_FDCWD, "input", OCI_TEXT_MAX, &text, &len, NULL) == 0)
		return oci_load(text, len, "config.json", "/b", s, info, e);
	if (file_read(AT_FDCWD, "process", OCI_TEXT_MAX, &text, &len, NULL) == 0)
		return oci_process_load(text, len, "process.json", s, info, e);
	if (file_read(AT_FDCWD, "resources", OCI_TEXT_MAX, &text, &len, NULL) == 0)
		return oci_resources_load(text, len, "resources.json", s, info, e);
	return 0;
}

static bool run_case(const char *name)
{
	_cleanup_free_ char *commands = NULL, *want = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	_cleanup_oci_info_ struct oci_info info = { 0 };
	_cleanup_spec_ struct spec s;
	struct err e = { 0 };
	int r;

	spec_init(&s);
	if (file_read(AT_FDCWD, "command", 1 << 20, &commands, NULL, NULL) == 0)
		CHECK(strv_split(&lines, commands, "\n", NULL) == 0);
	else
		CHECK(strv_push(&lines, "dump", NULL) == 0);
	r = load_case(&s, &info, &e);
	if (r < 0)
		put_error(&out, &e);
	else
		put_info(&out, &info);
	for (size_t i = 0; r >= 0 && i < lines.n; i++)
		run_command(&s, lines.v[i], &out);
	if (getenv("CREEL_UPDATE_CASES"))
		CHECK(file_replace(AT_FDCWD, "expected", buf_str(&out), out.len, 0644, false, NULL) == 0);
	CHECK(file_read(AT_FDCWD, "expected", 1 << 20, &want, NULL, NULL) == 0);
	if (streq(want, buf_str(&out)))
		return true;
	printf("# case %s:\n# --- expected\n%s# --- got\n%s", name, want, buf_str(&out));
	return false;
}

TEST(cases)
{
	struct dirent **names;
	unsigned failed = 0;
	int count;

	enter_cases();
	count = scandir(".", &names, NULL, alphasort);
	CHECK(count > 10);
	for (int i = 0; i < count; i++) {
		if (names[i]->d_name[0] != '.' && chdir(names[i]->d_name) == 0) {
			failed += !run_case(names[i]->d_name);
			CHECK(chdir("..") == 0);
		}
		free(names[i]);
	}
	free(names);
	CHECK(!failed);
}
