/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "dialect/docker/docker.h"

/* Two words that read well together; the second is somebody who found something out. */
static const char *const left[] = {
	"able",	   "agile",  "amber",  "brave",	 "bright", "brisk", "calm",   "candid", "clever", "cosy",
	"crisp",   "daring", "deft",   "eager",	 "early",  "fair",  "fleet",  "fond",	"frank",  "fresh",
	"gentle",  "glad",   "grand",  "handy",	 "happy",  "hardy", "honest", "humble", "jolly",  "keen",
	"kind",	   "lively", "loyal",  "lucid",	 "merry",  "mild",  "modest", "neat",	"nimble", "noble",
	"patient", "placid", "plucky", "polite", "proud",  "quick", "quiet",  "ready",	"robust", "serene",
	"sharp",   "silent", "sleek",  "smart",	 "snug",   "sober", "solid",  "spry",	"steady", "sunny",
	"swift",   "tidy",   "trusty", "upbeat", "vivid",  "warm",  "wise",   "witty",	"young",  "zesty",
};
static const char *const right[] = {
	"abel",	    "agnesi",	   "ampere",	 "archimedes", "babbage",  "bassi",   "bell",	   "bohr",
	"boole",    "brahe",	   "cantor",	 "carson",     "curie",	   "darwin",  "dirac",	   "earhart",
	"edison",   "einstein",	   "euclid",	 "euler",      "faraday",  "fermat",  "fermi",	   "franklin",
	"galilei",  "galois",	   "gauss",	 "germain",    "goldberg", "goodall", "haber",	   "halley",
	"hamilton", "heisenberg",  "herschel",	 "hopper",     "hypatia",  "jackson", "johnson",   "kepler",
	"khayyam",  "knuth",	   "kowalevski", "lamarr",     "laplace",  "leavitt", "leibniz",   "linnaeus",
	"lovelace", "mach",	   "maxwell",	 "mayer",      "meitner",  "mendel",  "mendeleev", "mirzakhani",
	"newton",   "nightingale", "noether",	 "pascal",     "pasteur",  "planck",  "ptolemy",   "raman",
	"riemann",  "ritchie",	   "rubin",	 "sagan",      "shannon",  "snow",    "tesla",	   "thompson",
	"turing",   "vaughan",	   "volta",	 "wiles",      "wozniak",  "wright",  "wu",	   "yalow",
};

char *docker_random_name(uint64_t seed, bool number)
{
	uint64_t a = seed % ARRAY_SIZE(left), b = seed / ARRAY_SIZE(left) % ARRAY_SIZE(right);
	char *name;

	if (asprintf(&name, "%s_%s", left[a], right[b]) < 0)
		return NULL;
	if (number) {
		char *longer;

		if (asprintf(&longer, "%s%llu", name, (unsigned long long)(seed >> 32) % 10) < 0)
			longer = NULL;
		free(name);
		name = longer;
	}
	return name;
}

bool docker_name_valid(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t n = strlen(name);

	return n >= 2 && n <= 255 && strchr(first, *name) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n;
}
