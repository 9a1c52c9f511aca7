/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Characters of UTF-8 text. A byte that begins no character stands for itself. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at S, which is NUL-terminated; *LEN is its length, 0 at the end. */
static inline uint32_t utf8_get(const char *s, size_t *len)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned more = u[0] >= 0xf0 && u[0] < 0xf5 ? 3 : u[0] >= 0xe0 && u[0] < 0xf0 ? 2 : u[0] >= 0xc2 && u[0] < 0xe0;
	uint32_t c = more ? u[0] & (0x3fu >> more) : u[0];

	*len = u[0] != 0;
	for (unsigned i = 1; i <= more; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return u[0];
		c = c << 6 | (u[i] & 0x3f);
	}
	*len += more;
	return c;
}

/* Writes it, at most 4 bytes; their number. */
static inline size_t utf8_put(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

static inline bool utf8_space(uint32_t c)
{
	return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

/* A letter for the name of a variable. Beyond ASCII all that is not punctuation, a sign or a blank. */
static inline bool utf8_letter(uint32_t c)
{
	if (c < 0x80)
		return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
	if (c < 0xc0)
		return c == 0xaa || c == 0xb5 || c == 0xba;
	return c != 0xd7 && c != 0xf7 && !(c >= 0x2000 && c < 0x2c00) && !(c >= 0x3000 && c < 0x3005) &&
	       !(c >= 0x3008 && c < 0x3020) && !(c >= 0xe000 && c < 0xf900) && !(c >= 0xfe00 && c < 0xfe70) &&
	       !(c >= 0xff00 && c < 0xff21) && !(c >= 0x1f000 && c < 0x20000);
}
