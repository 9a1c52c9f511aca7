/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How long calls of a liblxc.so.1 take: LIBRARY LXCPATH NAME. The container runs. One line a call, its name and the
 * microseconds of one: the median of a hundred, after ten that are not counted.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lxc/lxccontainer.h>

enum { WARM = 10, COUNT = 100 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int state(struct lxc_container *c)
{
	return strcmp(c->state(c), "RUNNING");
}

static int get_config_item(struct lxc_container *c)
{
	char value[256];

	return c->get_config_item(c, "lxc.uts.name", value, sizeof(value)) <= 0;
}

/* The container has the loopback device only: an empty answer is the right one, but the name space was entered for it. */
static int get_ips(struct lxc_container *c)
{
	char **ips = c->get_ips(c, NULL, NULL, 0);

	for (char **p = ips; p && *p; p++)
		free(*p);
	free(ips);
	return 0;
}

static const struct {
	const char *name;
	int (*call)(struct lxc_container *c);
} calls[] = { { "state", state }, { "get_config_item", get_config_item }, { "get_ips", get_ips } };

int main(int argc, char **argv)
{
	struct lxc_container *(*make)(const char *name, const char *path);
	struct lxc_container *c;
	static double us[WARM + COUNT];
	void *lib;

	if (argc != 4)
		return fprintf(stderr, "usage: liblxc-calls LIBRARY LXCPATH NAME\n"), 2;
	lib = dlopen(argv[1], RTLD_NOW);
	if (!lib)
		return fprintf(stderr, "%s\n", dlerror()), 1;
	*(void **)&make = dlsym(lib, "lxc_container_new");
	c = make ? make(argv[3], argv[2]) : NULL;
	if (!c)
		return fprintf(stderr, "%s: no container %s\n", argv[1], argv[3]), 1;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		for (int n = 0; n < WARM + COUNT; n++) {
			double start = now();

			if (calls[i].call(c))
				return fprintf(stderr, "%s: %s failed\n", argv[1], calls[i].name), 1;
			us[n] = now() - start;
		}
		qsort(us + WARM, COUNT, sizeof(*us), by_size);
		printf("%s %.3f\n", calls[i].name, us[WARM + COUNT / 2]);
	}
	return 0;
}
