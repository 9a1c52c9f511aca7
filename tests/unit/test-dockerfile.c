/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/strv.h"
#include "image/build/check.h"
#include "image/build/dockerfile.h"
#include "image/build/glob.h"
#include "image/build/ignore.h"
#include "image/build/words.h"
#include "unit/test.h"

static int parse(struct dockerfile *df, const char *text, struct err *e)
{
	return dockerfile_parse(df, text, strlen(text), e);
}

/* That TEXT is refused, the error on LINE and with MSG in it. */
static bool refused(const char *text, unsigned line, const char *msg)
{
	_cleanup_dockerfile_ struct dockerfile df = { 0 };
	struct err e = { 0 };
	bool ok = parse(&df, text, &e) < 0 && strstr(e.msg, msg) && df.error_line == line;

	if (ok && line) {
		char want[64];

		snprintf(want, sizeof(want), "dockerfile parse error on line %u: ", line);
		ok = startswith(e.msg, want) && strstr(e.hint, " | ");
	}
	if (!ok)
		printf("# line %u: %s (%s)\n", df.error_line, e.msg, e.hint);
	return ok;
}

static const struct df_instr *instr(const struct dockerfile *df, size_t stage, size_t n)
{
	const struct df_instr *in = df->stages[stage]->instrs;

	while (in && n--)
		in = in->next;
	return in;
}

TEST(directives)
{
	_cleanup_dockerfile_ struct dockerfile df = { 0 };

	CHECK(parse(&df,
		    "\xef\xbb\xbf# syntax = docker/dockerfile:1\n#escape=`\n# a comment\n# escape=\\\nFROM a\nRUN a "
		    "`\n b\n",
		    NULL) == 0);
	CHECK_STR(df.syntax, "docker/dockerfile:1");
	CHECK(df.escape == '`' && df.n_stages == 1);
	CHECK_STR(instr(&df, 0, 0)->args.v[0], "a  b");
	CHECK(instr(&df, 0, 0)->line->first == 6 && instr(&df, 0, 0)->line->last == 7);
	CHECK(refused("# escape=`\n# escape=\\\nFROM a\n", 2, "only one escape parser directive can be used"));
	CHECK(refused("# escape=x\nFROM a\n", 1, "invalid escape token 'x'"));
}

/* The one image that is known. */
static int python(void *arg, const char *name, struct strv *ret, struct err *e)
{
	(void)arg;
	return streq(name, "python") ? strv_push(ret, "PYTHON_VERSION=3", e) : -ENOENT;
}

/* "RULE:LINE RULE:LINE" of what the check of TEXT finds, IGNORED in .dockerignore. */
static const char *checked(const char *text, const char *ignored)
{
	static char all[1024];
	_cleanup_dockerfile_ struct dockerfile df = { 0 };
	_cleanup_ignore_ struct ignore ignore = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct df_finding *found = NULL;
	size_t n = 0, printed = 0, target;
	char one[64];
	char given_arg[] = "GIVEN=1", *args[] = { given_arg, NULL };
	const struct strv given = { .v = args, .n = 1 };
	const struct df_plan_opts plan = { .build_args = &given,
					   .platform = "linux/amd64",
					   .build_platform = "linux/amd64" };
	const struct df_check_opts o = { .ignore = &ignore, .build_args = &given, .env = python };

	*all = '\0';
	CHECK(parse(&df, text, NULL) == 0 && ignore_parse(&ignore, ignored, strlen(ignored), NULL) == 0);
	(void)dockerfile_plan(&df, &plan, &target, NULL);
	CHECK(dockerfile_check(&df, &o, &found, &n, NULL) == 0);
	for (const struct df_finding *f = found; f; f = f->next) {
		snprintf(one, sizeof(one), "%s%s:%u", f == found ? "" : " ", f->rule, f->first);
		strncat(all, one, sizeof(all) - strlen(all) - 1);
		finding_print(&df, f, "Dockerfile", &out);
		printed++;
	}
	CHECK(printed == n && (!n || strstr(buf_str(&out), "WARNING: ")));
	return all;
}

TEST(checks)
{
	CHECK_STR(checked("FROM a\nRUN x\nCMD [\"y\"]\n", ""), "");
	CHECK_STR(checked("FROM a\nrun x\nRUN y\n", ""), "ConsistentInstructionCasing:2");
	CHECK_STR(checked("from a\nrun x\nRUN y\n", ""), "ConsistentInstructionCasing:3");
	CHECK_STR(checked("FROM a as b\nFROM b AS C\n", ""), "FromAsCasing:1 StageNameCasing:2");
	CHECK_STR(checked("FROM a AS b\nFROM a AS b\nFROM a AS scratch\n", ""),
		  "DuplicateStageName:2 ReservedStageName:3");
	CHECK_STR(checked("FROM a\nCMD x\nENTRYPOINT [\"y\"]\nENTRYPOINT [\"z\"]\n", ""),
		  "JSONArgsRecommended:2 MultipleInstructionsDisallowed:3");
	CHECK_STR(checked("FROM a\nSHELL [\"s\"]\nCMD x\n", ""), "");
	CHECK_STR(checked("FROM a\nMAINTAINER m\nENV a b\nENV a=b\n", ""),
		  "MaintainerDeprecated:2 LegacyKeyValueFormat:3");
	CHECK_STR(checked("FROM a AS b\nWORKDIR x\nWORKDIR y\nFROM b\nWORKDIR z\n", ""), "WorkdirRelativePath:2");
	CHECK_STR(checked("FROM a\nWORKDIR /x\nWORKDIR y\n", ""), "");
	CHECK_STR(checked("ARG A=1\nARG B\nFROM a:$A\nFROM a:$B\nFROM a:${B:-x}\nFROM a:$C\nFROM a:$TARGETARCH\n", ""),
		  "InvalidDefaultArgInFrom:4 UndefinedArgInFrom:6 InvalidDefaultArgInFrom:6");
	CHECK_STR(checked("ARG A=1:\nARG B\nFROM a$A\nFROM a$B\nFROM --platform=$D a${C:-x}\n", ""),
		  "InvalidDefaultArgInFrom:3 UndefinedArgInFrom:5 UndefinedArgInFrom:5");
	CHECK_STR(checked("FROM --platform=$TARGETPLATFORM a\nFROM --platform=linux/arm64 a\nFROM "
			  "--platform=$BUILDPLATFORM a\n",
			  ""),
		  "RedundantTargetPlatform:1 FromPlatformFlagConstDisallowed:2");
	CHECK_STR(
		checked("FROM --platform=linux/arm64 a AS for_arm64\nFROM --platform=linux/arm64 a AS for_amd64\n", ""),
		"FromPlatformFlagConstDisallowed:2");
	CHECK_STR(checked("FROM a\nARG API_TOKEN\nENV PUBLIC_KEY=x KEYRING=y KEY_FILE=z\n", ""),
		  "SecretsUsedInArgOrEnv:2");
	CHECK_STR(checked("FROM a\nEXPOSE 80/TCP 1:2 53/udp\n", ""), "ExposeInvalidFormat:2 ExposeProtoCasing:2");
	CHECK_STR(checked("FROM a\nCOPY gone here *.x /\n", "gone\n*.x\n"), "CopyIgnoredFile:2");
	CHECK_STR(checked("FROM a\nCOPY . gone /\n", ".*\ngone\n!gone/but\n"), "");
	CHECK_STR(checked("FROM a\nCOPY . /\n", "*\n"), "CopyIgnoredFile:2");
	CHECK_STR(checked("FROM a AS b\nSHELL [\"s\"]\nFROM b AS c\nFROM c\nCMD x\n", ""), "");
	CHECK_STR(checked("FROM a\nRUN x \\\n\n y\n", ""), "NoEmptyContinuation:2");
	CHECK_STR(
		checked("# check=skip=StageNameCasing,MaintainerDeprecated\nFROM a AS B\nMAINTAINER m\nENV a b\n", ""),
		"LegacyKeyValueFormat:4");
	CHECK_STR(checked("# check=skip=all\nFROM a AS B\n", ""), "");
	CHECK_STR(checked("FROM a\n# check=skip=MaintainerDeprecated\nMAINTAINER m\nMAINTAINER n\n", ""),
		  "MaintainerDeprecated:4");
}

TEST(checks_of_variables)
{
	CHECK_STR(checked("FROM scratch\nCOPY $foo .\nARG foo=bar\nCOPY $foo .\n", ""), "UndefinedVar:2");
	CHECK_STR(checked("FROM scratch\nENV PATH=$PATHS:/x LATER=$PATH\nRUN echo $unknown\nCMD [\"$unknown\"]\n", ""),
		  "UndefinedVar:2");
	CHECK_STR(checked("FROM scratch\nENV A=1 B=$A\nENV C=$A\nLABEL l=${A:-$D}\nUSER ${E:-0}\n", ""),
		  "UndefinedVar:2 UndefinedVar:4 UndefinedVar:5");
	CHECK_STR(checked("FROM scratch\nARG X\nARG Y=$X Z=$Y$W\nENV GIVEN=$X\n", ""), "UndefinedVar:3");
	CHECK_STR(checked("FROM scratch\nARG GIVEN=$nowhere\nEXPOSE $GIVEN\n", ""), "");
	CHECK_STR(checked("FROM scratch\nRUN --mount=type=cache,target=/$x true\n", ""), "UndefinedVar:2");
	CHECK_STR(checked("FROM scratch\nCOPY <<E /x\n$y\nE\nCOPY <<'E' /x\n$y\nE\n", ""), "UndefinedVar:2");
	CHECK_STR(checked("FROM scratch\nCOPY '$x' \\$x /\n", ""), "");
	/* of a base */
	CHECK_STR(checked("FROM python\nARG V=$PYTHON_VERSION\nUSER $PYTHON_VERSIONS\n", ""), "UndefinedVar:3");
	CHECK_STR(checked("FROM unknown\nUSER $anything\nFROM scratch\nUSER $anything\n", ""), "UndefinedVar:4");
	CHECK_STR(checked("FROM scratch AS a\nARG X=1\nENV Y=1\nFROM a\nUSER $X$Y$Z\n", ""), "UndefinedVar:5");
	CHECK_STR(checked("# check=skip=UndefinedVar\nFROM scratch\nUSER $x\n", ""), "");
}

TEST(checks_of_descriptions)
{
	static const char text[] = "# bar this is the bar\nARG foo=bar\n# BasE this is it\nFROM scratch AS base\n"
				   "# a bad comment\nARG version=latest\n# a bad comment\nARG foo=baz bar=qux\n"
				   "# bar, of two\nARG foo bar\n# bar of two\nARG foo bar\n"
				   "# not of it\n\nARG x\n# nor this\n#\nARG x\n# of COPY\nCOPY a b\n";
	char all[1024];

	CHECK_STR(checked(text, ""), "");
	snprintf(all, sizeof(all), "# check=skip=all;experimental=InvalidDefinitionDescription\n%s", text);
	CHECK_STR(checked(all, ""),
		  "InvalidDefinitionDescription:3 InvalidDefinitionDescription:5 InvalidDefinitionDescription:7 "
		  "InvalidDefinitionDescription:9 InvalidDefinitionDescription:11");
}

TEST(bad_input_has_its_line)
{
	CHECK(refused("", 0, "file with no instructions"));
	CHECK(refused("# nothing\n\n", 0, "file with no instructions"));
	CHECK(refused("ARG a\n", 0, "no build stage"));
	CHECK(refused("RUN x\nFROM a\n", 1, "no build stage in current context"));
	CHECK(refused("FROM a\n\nFORM b\n", 3, "unknown instruction: FORM (did you mean FROM?)"));
	CHECK(refused("FROM a b\n", 1, "FROM requires either one or three arguments"));
	CHECK(refused("FROM a AS 1b\n", 1, "invalid name for build stage"));
	CHECK(refused("FROM a\nENV x\n", 2, "ENV must have two arguments"));
	CHECK(refused("FROM a\nENV a=b c\n", 2, "can't find = in \"c\""));
	CHECK(refused("FROM a\nENV =b\n", 2, "ENV names can not be blank"));
	CHECK(refused("FROM a\nCOPY x\n", 2, "COPY requires at least two arguments"));
	CHECK(refused("FROM a\nCOPY --form=x a b\n", 2, "unknown flag: --form (did you mean from?)"));
	CHECK(refused("FROM a\nCOPY --chown=1 --chown=2 a b\n", 2, "duplicate flag specified: --chown"));
	CHECK(refused("FROM a\nCOPY --link=maybe a b\n", 2, "expecting boolean value"));
	CHECK(refused("FROM a\nCOPY --chown a b\n", 2, "missing a value on flag: --chown"));
	CHECK(refused("FROM a\nSHELL /bin/sh\n", 2, "JSON form"));
	CHECK(refused("FROM a\nRUN\n", 2, "RUN requires at least one argument"));
	CHECK(refused("FROM a\nCMD [\"a\", 1]\n", 2, "arrays must be comprised of strings only"));
	CHECK(refused("FROM a\nCMD [\"a\\u0000\"]\n", 2, "NUL byte"));
	CHECK(refused("FROM a\nONBUILD ONBUILD RUN x\n", 2, "Chaining ONBUILD"));
	CHECK(refused("FROM a\nONBUILD FROM x\n", 2, "FROM isn't allowed as an ONBUILD trigger"));
	CHECK(refused("FROM a\nHEALTHCHECK CURL x\n", 2, "Unknown type \"CURL\""));
	CHECK(refused("FROM a\nHEALTHCHECK --interval=5 CMD x\n", 2, "missing unit in duration"));
	CHECK(refused("FROM a\nHEALTHCHECK --retries=-1 CMD x\n", 2, "cannot be negative"));
	CHECK(refused("FROM a\nRUN --mount=type=cash,target=/x y\n", 2, "unsupported mount type \"cash\""));
	CHECK(refused("FROM a\nRUN --mount=type=cache y\n", 2, "needs a target"));
	CHECK(refused("FROM a\nRUN --network=bridge y\n", 2, "invalid network mode"));
	CHECK(refused("FROM a\nVOLUME [\" \"]\n", 2, "can not be an empty string"));
	CHECK(refused("FROM a\nRUN x\nCOPY <<EOF /f\nnever\n", 3, "unterminated heredoc"));
}

TEST(limits)
{
	char *text = malloc(DF_LINE_MAX + 100);
	struct err e = { 0 };
	_cleanup_dockerfile_ struct dockerfile df = { 0 };

	CHECK(text);
	strcpy(text, "FROM a\nRUN ");
	memset(text + 11, 'x', DF_LINE_MAX);
	text[11 + DF_LINE_MAX] = '\0';
	CHECK(parse(&df, text, &e) < 0 && strstr(e.msg, "greater than max allowed size of 65535"));
	free(text);
	CHECK(dockerfile_parse(&df, "FROM a\0b", 8, &e) < 0 && strstr(e.msg, "NUL byte"));
}

TEST(continued_lines)
{
	_cleanup_dockerfile_ struct dockerfile df = { 0 };

	CHECK(parse(&df, "FROM a\r\nRUN one \\\r\n# no\n  # no more\n\n two \\\\\nRUN x\\", NULL) == 0);
	CHECK_STR(instr(&df, 0, 0)->args.v[0], "one  two \\\\");
	CHECK_STR(instr(&df, 0, 1)->args.v[0], "x");
	CHECK(df.warnings.n == 1);
}

TEST(heredocs)
{
	_cleanup_dockerfile_ struct dockerfile df = { 0 };
	const struct df_instr *in;

	CHECK(parse(&df,
		    "FROM a\nCOPY <<-one <<'two' plain /dst/\n\t\tfirst $x\n\tone\n\tsecond $x\ntwo\n"
		    "RUN <<EOF\nmake\nEOF\nRUN cat 3<<\"A\" && echo 1<<2\nx\nA\n2\nONBUILD RUN <<E\nhi\nE\nRUN "
		    "[\"<<E\"]\n",
		    NULL) == 0);
	in = instr(&df, 0, 0);
	CHECK(in->args.n == 1 && in->files && in->files->next && !in->files->next->next);
	CHECK_STR(in->files->content, "first $x\n");
	CHECK(in->files->expand && !in->files->next->expand);
	CHECK_STR(in->files->next->name, "two");
	CHECK_STR(in->files->next->content, "\tsecond $x\n");
	in = instr(&df, 0, 1);
	CHECK_STR(in->args.v[0], "<<EOF");
	CHECK_STR(in->files->content, "make\n");
	in = instr(&df, 0, 2);
	CHECK(in->files->fd == 3 && in->files->next && in->files->next->fd == 1);
	CHECK_STR(instr(&df, 0, 3)->args.v[0], "RUN <<E\nhi\nE");
	CHECK(instr(&df, 0, 4)->json && !instr(&df, 0, 4)->files);
}

TEST(a_trigger_is_parsed_again)
{
	_cleanup_dockerfile_ struct dockerfile df = { 0 };
	struct df_instr *in;
	struct err e = { 0 };

	CHECK(parse(&df, "FROM a\n", NULL) == 0);
	CHECK(dockerfile_trigger(&df, "RUN <<E\nhi\nE", &in, NULL) == 0 && in->kind == DF_RUN);
	CHECK_STR(in->files->content, "hi\n");
	CHECK(dockerfile_trigger(&df, "RUN a\nRUN b", &in, &e) < 0 && strstr(e.msg, "one instruction"));
}

TEST(flags_and_forms)
{
	_cleanup_dockerfile_ struct dockerfile df = { 0 };
	const struct df_instr *in;

	CHECK(parse(&df,
		    "FROM --platform=linux/arm64 a AS Base\n"
		    "COPY --from=x --chown=1:2 --chmod=755 --link --exclude=*.o --exclude=b [\"a b\", \"/c\"]\n"
		    "HEALTHCHECK --interval=1m30s --timeout=1.5s --retries=4 CMD [\"a\"]\n"
		    "HEALTHCHECK NONE\nEXPOSE 80 53/udp\nENV a=b c=\"d e\"\nENV f g h\nARG n m=1\nEXPOSE 9\n"
		    "RUN --mount=type=cache,target=/c --network=none -- --odd\n",
		    NULL) == 0);
	CHECK_STR(df.stages[0]->name, "base");
	CHECK_STR(df.stages[0]->platform, "linux/arm64");
	in = instr(&df, 0, 0);
	CHECK(in->link == DF_YES && in->parents == DF_UNSET && in->excludes.n == 2 && in->args.n == 1);
	CHECK_STR(in->args.v[0], "a b");
	CHECK_STR(in->dest, "/c");
	in = instr(&df, 0, 1);
	CHECK(in->health.interval == 90000000000 && in->health.timeout == 1500000000 && in->health.retries == 4);
	CHECK_STR(in->health.test.v[0], "CMD");
	CHECK_STR(instr(&df, 0, 2)->health.test.v[0], "NONE");
	CHECK_STR(instr(&df, 0, 3)->args.v[0], "53/udp");
	in = instr(&df, 0, 4);
	CHECK_STR(in->pairs->next->value, "\"d e\"");
	in = instr(&df, 0, 5);
	CHECK_STR(in->pairs->value, "g h");
	CHECK(in->pairs->blank);
	in = instr(&df, 0, 6);
	CHECK(!in->pairs->value);
	CHECK_STR(in->pairs->next->value, "1");
	CHECK_STR(instr(&df, 0, 8)->args.v[0], "--odd");
}

static const char *get(void *arg, const char *name)
{
	return strv_env_get(arg, name);
}

static bool gives(const char *text, const char *want)
{
	struct strv env = STRV_INIT;
	struct words w = { .escape = '\\', .get = get, .arg = &env };
	_cleanup_free_ char *got = NULL;
	struct err e = { 0 };
	bool ok;

	CHECK(strv_push(&env, "FOO=xxyy", NULL) == 0 && strv_push(&env, "PATH=/foo*/*/*.txt", NULL) == 0 &&
	      strv_push(&env, "NIL=", NULL) == 0);
	ok = words_expand(&w, text, &got, &e) < 0 ? !want && e.msg[0] : want && streq(got, want);
	if (!ok)
		printf("# %s gives %s\n", text, got ?: e.msg);
	strv_done(&env);
	return ok;
}

TEST(patterns_in_variables)
{
	CHECK(gives("${FOO#x}", "xyy") && gives("${FOO#*x}", "xyy") && gives("${FOO##*x}", "yy"));
	CHECK(gives("${FOO%y}", "xxy") && gives("${FOO%y*}", "xxy") && gives("${FOO%%y*}", "xx"));
	CHECK(gives("${FOO#*}", "xxyy") && gives("${FOO##*}", "") && gives("${FOO#??}", "yy") &&
	      gives("${FOO#q}", "xxyy"));
	CHECK(gives("${FOO/x/z}", "zxyy") && gives("${FOO//x/z}", "zzyy") && gives("${FOO/x*y/}", ""));
	CHECK(gives("${PATH/\\*\\//.}", "/foo.*/*.txt") && gives("${PATH//\\*\\//.}", "/foo..*.txt"));
	CHECK(gives("${FOO///}", "xxyy") && gives("${FOO/$NIL/ww}", "wwxxyy"));
	CHECK(gives("${FOO//ww}", NULL) && gives("${FOO:#x}", NULL) && gives("${FOO=x}", NULL) && gives("${FOO", NULL));
	CHECK(gives("${NIL?no}", "") && gives("${NIL:?no}", NULL) && gives("${FOO#\\q}", NULL));
	CHECK(gives("${A:-${B:-${C:-c}}}", "c") && gives("\\${FOO}", "${FOO}") && gives("'$FOO'\"$FOO\"", "$FOOxxyy"));
}

TEST(no_pattern_takes_long)
{
	_cleanup_glob_ struct glob g = { 0 };
	char text[4001], pattern[401];

	for (size_t i = 0; i < 200; i++)
		memcpy(pattern + 2 * i, "*a", 2);
	pattern[400] = '\0';
	memset(text, 'a', 4000);
	text[4000] = '\0';
	text[3999] = 'b';
	CHECK(glob_path(&g, pattern, NULL) == 0 && !glob_match(&g, text));
	glob_done(&g);
	for (size_t i = 0; i < 100; i++)
		memcpy(pattern + 4 * i, "**/a", 4);
	CHECK(glob_path(&g, pattern, NULL) == 0 && !glob_match(&g, text));
}

static bool left_out(const char *rules, const char *path)
{
	_cleanup_ignore_ struct ignore g = { 0 };

	CHECK(ignore_parse(&g, rules, strlen(rules), NULL) == 0);
	return ignore_match(&g, path);
}

TEST(dockerignore)
{
	struct ignore g = { 0 };
	struct err e = { 0 };

	CHECK(left_out("*.o", "a.o") && !left_out("*.o", "d/a.o") && left_out("**/*.o", "d/e/a.o") &&
	      left_out("**/*.o", "a.o"));
	CHECK(left_out("d", "d/e/f") && left_out("/d/", "d/e") && left_out("d/../e", "e/f") && !left_out("d", "dd"));
	CHECK(left_out("d\n!d/keep", "d/x") && !left_out("d\n!d/keep", "d/keep") &&
	      !left_out("d\n!d/keep", "d/keep/y"));
	CHECK(left_out("*.md\n!README*\nREADME-secret.md", "README-secret.md") &&
	      !left_out("*.md\n!README*", "README.md"));
	CHECK(!left_out("# c\n\n  x  \n", "# c") && left_out("# c\n\n  x  \n", "x") && left_out(" #c", "#c"));
	CHECK(left_out("a?c", "abc") && !left_out("a?c", "a/c") && left_out("[a-c]x", "bx") &&
	      !left_out("[^a-c]x", "bx"));
	CHECK(left_out("**", "any/thing") && left_out("a/**", "a/b/c") && left_out("a/**/z", "a/b/c/z") &&
	      left_out("a/**/z", "a/z"));
	CHECK(left_out("a\\*", "a*") && !left_out("a\\*", "ab"));
	CHECK(ignore_parse(&g, "ok\n!\n", 5, &e) < 0 && strstr(e.msg, "line 2") && strstr(e.msg, "illegal exclusion"));
	CHECK(ignore_parse(&g, "[a", 2, &e) < 0 && strstr(e.msg, "syntax error in pattern"));
	ignore_done(&g);
}

TEST(clean_paths)
{
	static const char *const cases[][2] = { { "", "." },
						{ "/", "/" },
						{ "a//b/./c/", "a/b/c" },
						{ "../a", "../a" },
						{ "a/../..", ".." },
						{ "/../a", "/a" },
						{ "a/b/../../c", "c" },
						{ "./..", ".." },
						{ "../../x/..", "../.." },
						{ "/a/..", "/" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = path_clean(cases[i][0]);

		CHECK_STR(got, cases[i][1]);
	}
}

TEST(stages)
{
	_cleanup_dockerfile_ struct dockerfile df = { 0 };
	struct strv args = STRV_INIT;
	struct df_plan_opts o = { .build_args = &args, .platform = "linux/arm/v7", .build_platform = "linux/amd64" };
	const char *text =
		"ARG VERSION=12\nARG BASE=debian:$VERSION-$TARGETARCH\nFROM $BASE AS one\nFROM busybox AS unused\n"
		"FROM --platform=$BUILDPLATFORM one AS two\nCOPY --from=ONE / /\nFROM scratch\n"
		"RUN --mount=type=bind,from=two,target=/x y\nCOPY --from=alpine:3 / /\n";
	size_t target;
	struct err e = { 0 };

	CHECK(strv_push(&args, "VERSION=13", NULL) == 0);
	CHECK(parse(&df, text, NULL) == 0 && dockerfile_plan(&df, &o, &target, NULL) == 0 && target == 3);
	CHECK_STR(df.stages[0]->base_image, "debian:13-arm");
	CHECK_STR(df.stages[2]->platform_is, "linux/amd64");
	CHECK(df.stages[2]->base_stage == 0 && df.stages[3]->base_stage == -1);
	CHECK(df.stages[0]->needed && !df.stages[1]->needed && df.stages[2]->needed && df.stages[3]->needed);
	dockerfile_done(&df);
	o.target = "Two";
	CHECK(parse(&df, text, NULL) == 0 && dockerfile_plan(&df, &o, &target, NULL) == 0 && target == 2 &&
	      !df.stages[3]->needed);
	dockerfile_done(&df);
	o.target = "tow";
	CHECK(parse(&df, text, NULL) == 0 && dockerfile_plan(&df, &o, &target, &e) < 0);
	CHECK(strstr(e.msg, "\"tow\" could not be found (did you mean two?)"));
	dockerfile_done(&df);
	o.target = NULL;
	CHECK(parse(&df, "FROM a\nCOPY --from=0 / /\n", NULL) == 0 && dockerfile_plan(&df, &o, &target, &e) < 0);
	CHECK(df.error_line == 2 && strstr(e.hint, "COPY --from=0"));
	strv_done(&args);
}

TEST(mounts)
{
	_cleanup_pool_ struct pool p = { 0 };
	struct df_mount m;
	struct err e = { 0 };

	CHECK(mount_parse("target=/x", NULL, &p, &m, NULL) == 0 && m.type == DF_MOUNT_BIND && m.readonly);
	CHECK(mount_parse("type=cache,target=/x,sharing=locked,mode=0700,uid=5,ro", NULL, &p, &m, NULL) == 0);
	CHECK(m.sharing == DF_LOCKED && m.mode == 0700 && m.uid == 5 && m.readonly);
	CHECK(mount_parse("size=64m,dst=/t,type=tmpfs", NULL, &p, &m, NULL) == 0 && m.size == 64 << 20 && !m.readonly);
	CHECK(mount_parse("type=secret,id=a,env=TOKEN,required", NULL, &p, &m, NULL) == 0 && m.required && m.has_env);
	CHECK(mount_parse("type=bind,target=/t,\"source=a,b\"", NULL, &p, &m, NULL) == 0);
	CHECK_STR(m.source, "a,b");
	CHECK(mount_parse("type=tmpfs,target=/x,uid=1", NULL, &p, &m, &e) < 0 && strstr(e.msg, "uid not allowed"));
	CHECK(mount_parse("type=bind,target=/x,sharing=shared", NULL, &p, &m, &e) < 0);
	CHECK(mount_parse("type=cache,tarqet=/x", NULL, &p, &m, &e) < 0 && strstr(e.msg, "did you mean target?"));
	CHECK(mount_parse("type=cache,target=/x,from=$y", NULL, &p, &m, &e) < 0 && strstr(e.msg, "variable expansion"));
	CHECK(mount_parse("type=cache,\"target=/x", NULL, &p, &m, &e) < 0 && strstr(e.msg, "quote"));
}
