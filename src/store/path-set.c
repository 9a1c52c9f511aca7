/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/path-set.h"

#include <errno.h>

static uint64_t hash_of(const char *path, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)path[i]) * 0x100000001b3u;
	h ^= h >> 31;
	h *= 0x9e3779b97f4a7c15u;
	h ^= h >> 29;
	return h ? h : 1;
}

/* Where H is, or the free slot for it. */
static size_t slot_of(const uint64_t *slots, size_t size, uint64_t h)
{
	size_t i = h & (size - 1);

	while (slots[i] && slots[i] != h)
		i = (i + 1) & (size - 1);
	return i;
}

static int grow(struct path_set *s)
{
	size_t size = s->size ? s->size * 2 : 1024;
	uint64_t *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < s->size; i++)
		if (s->slots[i])
			slots[slot_of(slots, size, s->slots[i])] = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->size = size;
	return 0;
}

int path_set_add(struct path_set *s, const char *path, size_t len)
{
	uint64_t h = hash_of(path, len);
	size_t i;

	if (s->n * 2 >= s->size && grow(s) < 0)
		return -ENOMEM;
	i = slot_of(s->slots, s->size, h);
	s->n += !s->slots[i];
	s->slots[i] = h;
	return 0;
}

bool path_set_has(const struct path_set *s, const char *path)
{
	uint64_t h = hash_of(path, strlen(path));

	return s->size && s->slots[slot_of(s->slots, s->size, h)];
}

void path_set_done(struct path_set *s)
{
	free(s->slots);
	*s = (struct path_set){ 0 };
}
