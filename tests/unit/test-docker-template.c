/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Go's templates: what is printed was printed by Go's own text/template with Docker's functions for the same data. */
#include <errno.h>

#include "cli/docker/template.h"
#include "unit/test.h"

/* DATA with single quotes for double ones. The output, or "! " and the message. */
static const char *run(const char *text, const char *data, unsigned flags)
{
	static char ret[4096];
	_cleanup_(template_freep) struct template *t = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };
	char json[1024];
	struct json_object *o;

	snprintf(json, sizeof(json), "%s", data);
	for (char *p = json; *p; p++)
		if (*p == '\'')
			*p = '"';
	o = json_tokener_parse(json);
	if (template_parse(text, &t, &e) < 0 || template_execute(t, o, flags, &out, &e) < 0)
		snprintf(ret, sizeof(ret), "! %s", e.msg);
	else
		snprintf(ret, sizeof(ret), "%s", buf_str(&out));
	json_object_put(o);
	return ret;
}

static const char data[] = "{'A':'x','N':5,'F':1.5,'B':true,'Z':null,'E':'','L':['a','b','c'],"
			   "'M':{'k':'v','j':'w'},'Labels':{'a':'1'},'S':{'T':{'U':'deep'}},'Nums':[3,1,2],"
			   "'X()':{'key':'value'}}";
#define IS(text, want) CHECK_STR(run(text, data, 0), want)

TEST(fields_and_text)
{
	IS("plain", "plain");
	IS("", "");
	IS("{{.A}}", "x");
	IS("<{{.A}}>{{.N}}", "<x>5");
	IS("{{.S.T.U}}", "deep");
	IS("{{.F}} {{.B}} {{.Z}}", "1.5 true <nil>");
	IS("{{.L}} {{.M}}", "[a b c] map[j:w k:v]");
	IS("{{$.A}}", "x");
	IS("{{(.S).T.U}}", "deep");
	IS("{{.Labels.none}}", "<no value>");
	IS("{{/* nothing */}}a{{- /* nor here */ -}} b", "ab");
	IS("a  {{- .A -}}  b", "axb");
	IS("{{\"a\\tb\\u00e9\\n\"}}{{`raw\\n`}}", "a\tb\303\251\nraw\\n");
	IS("{{ 12 }} {{ -3 }} {{ 1.50 }} {{ 0x10 }} {{ true }}", "12 -3 1.5 16 true");
}

TEST(control)
{
	IS("{{if .B}}yes{{else}}no{{end}}", "yes");
	IS("{{if .E}}yes{{else}}no{{end}}", "no");
	IS("{{if .Z}}a{{else if .B}}b{{else}}c{{end}}", "b");
	IS("{{if .Z}}a{{else if .E}}b{{else}}c{{end}}d", "cd");
	IS("{{with .S.T}}{{.U}} {{$.A}}{{end}}", "deep x");
	IS("{{with .E}}x{{else}}none{{end}}", "none");
	IS("{{range .L}}{{.}},{{end}}", "a,b,c,");
	IS("{{range $i, $e := .L}}{{$i}}={{$e}} {{end}}", "0=a 1=b 2=c ");
	IS("{{range $k, $v := .M}}{{$k}}:{{$v}};{{end}}", "j:w;k:v;");
	IS("{{range .E}}x{{else}}empty{{end}}", "empty");
	IS("{{range .L}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac");
	IS("{{range .L}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a");
	IS("{{range .L}}{{range $.Nums}}{{.}}{{end}} {{end}}", "312 312 312 ");
	IS("{{$x := .A}}{{$x = \"y\"}}{{$x}}", "y");
	IS("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21");
}

TEST(functions)
{
	IS("{{len .L}} {{len .A}} {{len .M}}", "3 1 2");
	IS("{{index .L 1}} {{index .M \"k\"}}", "b v");
	IS("{{index .M \"none\"}}|{{index .S \"none\"}}", "|<nil>");
	IS("{{.A | printf \"%s-%d\" \"q\" }}", "q-%!d(string=x)");
	IS("{{printf \"%5s|%-5s|%05d|%.2f|%q|%x|%v|%t|%%\" \"ab\" \"cd\" 42 3.14159 \"q\" 255 .L true}}",
	   "   ab|cd   |00042|3.14|\"q\"|ff|[a b c]|true|%");
	IS("{{printf \"%d\"}} {{printf \"a\" 1}}", "%!d(MISSING) a%!(EXTRA int=1)");
	IS("{{json .M}} {{json .A}} {{json .Z}}", "{\"k\":\"v\",\"j\":\"w\"} \"x\" null");
	IS("{{join .L \"-\"}} {{join (split \"a:b:c\" \":\") \" \"}}", "a-b-c a b c");
	IS("{{upper \"aB\"}} {{lower \"aB\"}} {{title \"two words\"}}", "AB ab Two Words");
	IS("{{truncate \"abcdef\" 3}} {{pad \"x\" 1 2}}|", "abc  x  |");
	IS("{{eq .A \"x\"}} {{ne .A \"x\"}} {{eq .N 5}} {{eq .A \"a\" \"x\"}}", "true false true true");
	IS("{{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge \"b\" \"a\"}}", "true true false true");
	IS("{{and .A .N}} {{and .E .N}}| {{or .E \"d\"}} {{not .B}}", "5 | d false");
	IS("{{println .A .N}}{{print 1 2 \"a\" \"b\" 3}}", "x 5\n1 2ab3");
	IS("{{slice .A 0 1}} {{slice .L 1 3}}", "x [b c]");
	IS("{{html \"<a&b>\"}} {{urlquery \"a b/c\"}}", "&lt;a&amp;b&gt; a+b%2Fc");
	IS("{{.X \"key\"}}|{{.X \"none\"}}|", "value||");
	IS("{{if and .A (eq .N 5)}}both{{end}}", "both");
	IS("{{len (index .L 0)}}", "1");
	IS("{{.A | upper | printf \"%s!\"}}", "X!");
}

TEST(headers_of_tables)
{
	CHECK_STR(run("{{upper .A}}\t{{.Label \"com.x\"}}\t{{json .N}}", "{'A':'Name','N':'NUMBER'}", TEMPLATE_HEADER),
		  "Name\tcom.x\tNUMBER");
	CHECK_STR(run("{{.Nope}}", "{}", TEMPLATE_LENIENT), "<no value>");
}

#define FAILS(text) CHECK(run(text, data, 0)[0] == '!')

TEST(mistakes)
{
	CHECK_STR(run("{{.A", data, 0), "! template: :1: unclosed action");
	CHECK_STR(run("{{nosuch .A}}", data, 0), "! template: :1: function \"nosuch\" not defined");
	CHECK_STR(run("{{.Nope}}", data, 0),
		  "! template: :1: executing \"\" at <.Nope>: map has no entry for key \"Nope\"");
	CHECK_STR(run("{{if .A}}x", data, 0), "! template: :1: unexpected EOF");
	CHECK_STR(run("{{end}}", data, 0), "! template: :1: unexpected {{end}}");
	FAILS("{{}}");
	FAILS("{{.Z.Y}}");
	FAILS("{{index .L 7}}");
	FAILS("{{eq .A 5}}");
	FAILS("{{$nope}}");
	FAILS("{{break}}");
	FAILS("{{define \"x\"}}{{end}}");
	FAILS("{{\"open}}");
	FAILS("{{(.A}}");
	FAILS("{{.A | }}");
	FAILS("{{else}}");
	FAILS("{{if .A}}a{{else}}b{{else}}c{{end}}");
	FAILS("{{len 5}}");
	FAILS("{{.A \"arg\"}}");
	FAILS("{{range 9999999}}{{range 9999999}}{{end}}{{end}}");
}

TEST(nesting_ends)
{
	char deep[4096] = "";

	for (int i = 0; i < 200; i++)
		strcat(deep, "{{if .A}}"); // NOLINT: it has room
	FAILS(deep);
	*deep = '\0';
	strcat(deep, "{{"); // NOLINT: it has room
	for (int i = 0; i < 200; i++)
		strcat(deep, "("); // NOLINT: it has room
	FAILS(deep);
}
