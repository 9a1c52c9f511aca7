/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the static analyzer cannot see from one source file: the error functions return a negative number. Without it
 * every caller's "r < 0" is a branch that may go either way, and what a failed call left unset is reported as used.
 */

#include "base/err.h"

#define ERR_IS_NEGATIVE(call)                    \
	({                                       \
		int _negative_ = (call);         \
		if (_negative_ >= 0)             \
			__builtin_unreachable(); \
		_negative_;                      \
	})
#define err_set(...)  ERR_IS_NEGATIVE(err_set(__VA_ARGS__))
#define err_kind(...) ERR_IS_NEGATIVE(err_kind(__VA_ARGS__))
#define err_wrap(...) ERR_IS_NEGATIVE(err_wrap(__VA_ARGS__))
#define err_hint(...) ERR_IS_NEGATIVE(err_hint(__VA_ARGS__))
#define err_oom(e)    ERR_IS_NEGATIVE(err_oom(e))
