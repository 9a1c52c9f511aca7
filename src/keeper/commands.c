/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Programs of LXC's library ask a container's monitor over a socket with a protocol of its own. Most of what they ask we do
 * not know: creel answers, as a child of ours that has the connection.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/inner.h"

/*
 * The socket has no place in a file system: who shares our network name space reaches it, root of a container without a
 * network of its own too. He shall not, and is known by his process ids: those of the host's are ours as well.
 */
static int is_neighbour(pid_t pid)
{
	struct stat own, its;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	return pid > 0 && stat("/proc/self/ns/pid", &own) == 0 && stat(path, &its) == 0 && own.st_ino == its.st_ino &&
	       own.st_dev == its.st_dev;
}

void commands_accept(struct keeper *k)
{
	int fd = accept4(k->commands, NULL, NULL, SOCK_CLOEXEC);
	char text[16];
	pid_t pid;

	if (fd < 0)
		return;
	if (k->creel && keeper_trusts(fd, &pid) && is_neighbour(pid) && fork() == 0) {
		char *argv[] = { (char *)"creel", (char *)"keeper-command", (char *)k->id, text, NULL };

		snprintf(text, sizeof(text), "%d", fd);
		fcntl(fd, F_SETFD, 0);
		keeper_exec(k->creel, argv);
	}
	close(fd);
}
