/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gives every file of the folders named to the fuzz target, each its own TAP line; a crash is the failure. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	static uint8_t data[1 << 20];
	FILE *f = fopen(path, "re");
	uint8_t *copy;
	size_t n;

	if (!f)
		return -1;
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	/* Exactly as large as the input, so that a read past the end is seen. */
	copy = malloc(n ?: 1);
	if (!copy)
		return -1;
	for (size_t i = 0; i < n; i++)
		copy[i] = data[i];
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned n = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *de;

		while (d && (de = readdir(d))) {
			char path[4096];
			int r;

			if (de->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s", argv[i], de->d_name);
			r = replay(path);
			failed += r < 0;
			printf("%s %u - %s\n", r < 0 ? "not ok" : "ok", ++n, de->d_name);
		}
		if (d)
			closedir(d);
	}
	printf("1..%u\n", n);
	return failed || !n ? 1 : 0;
}
