/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "docker-rig.h"

#include <stdio.h>

#include "cli/docker/create.h"

void rig_create(const char *line, char *ret, size_t size)
{
	struct opt_parser p = { .stop_after = 1 };
	_cleanup_strv_ struct strv words = STRV_INIT;
	_cleanup_buf_ struct buf body = BUF_INIT;
	struct create_args a = CREATE_ARGS_INIT;
	struct err e = { 0 };
	int r;

	p.sets[0] = (struct opt_set){ create_opts, &a };
	r = strv_split_command(&words, line, &e);
	if (r >= 0)
		r = opt_parse_pflag(&p, (int)words.n, words.v, &e);
	if (r >= 0)
		r = create_body(&a, strv_get(&p.operands), &body, &e);
	snprintf(ret, size, "%s%s", r < 0 ? "! " : "", r < 0 ? e.msg : buf_str(&body));
	opt_parser_done(&p);
	create_args_done(&a);
}
