/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * CPU shares of v1 and weights of v2: the conversion that runc, crun and systemd agreed upon, log-shaped so that both
 * ends and the defaults (1024 and 100) meet:
 *
 *	weight = 10 ^ ((l² + 125 l) / 612 - 7 / 34), l = log2(shares)
 *
 * libm would be the only library besides libc that every command of ours loads, for these two formulas. Both results
 * are whole numbers, so that they are found by bisection, and a logarithm is all that takes.
 */

#include "cgroup/translate.h"

#define LOG2_10 3.32192809488736234787

/* X >= 1. Squaring doubles a logarithm: each time the number passes 2, the next binary digit is 1. */
static double log2_of(double x)
{
	double r = 0, digit = 0.5;

	while (x >= 2) {
		x /= 2;
		r += 1;
	}
	for (int i = 0; i < 48; i++) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			r += digit;
		}
		digit /= 2;
	}
	return r;
}

uint64_t cg_shares_to_weight(uint64_t shares)
{
	uint64_t low = 1, high = 10000;
	double l, want;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2_of((double)shares);
	want = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
	/* The lowest weight that is not below. */
	while (low < high) {
		uint64_t mid = (low + high) / 2;

		if (log2_of((double)mid + 1e-6) / LOG2_10 >= want)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

uint64_t cg_weight_to_shares(uint64_t weight)
{
	uint64_t low = 2, high = 262144;
	double want;

	if (weight <= 1)
		return 2;
	if (weight >= 10000)
		return 262144;
	want = 612.0 * (log2_of((double)weight) / LOG2_10 + 7.0 / 34.0);
	/* The highest number of shares that is not above. */
	while (low < high) {
		uint64_t mid = (low + high + 1) / 2;
		double l = log2_of((double)mid - 1e-6);

		if (l * l + 125 * l <= want)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}
