/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Programs of LXC's library ask a container's monitor over a socket with a protocol of its own. Most of what they ask we do
 * not know: creel answers, as a child of ours that has the connection.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/inner.h"

/*
 * The socket has no place in a file system: who shares our network name space reaches it, root of a container without a
 * network of its own too. He shall not, and is known by his process ids: those of the host's are ours as well. That is read
 * where everybody may, as root's name spaces are nothing that a user's keeper could look at.
 */
static int is_neighbour(pid_t pid)
{
	char path[40], text[8192], *line, *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	/* The whole line, which has one more number for each name space below ours. */
	line = strstr(text, "\nNSpid:\t");
	end = line ? strchr(line + 1, '\n') : NULL;
	return end && !memchr(line + 8, '\t', (size_t)(end - line - 8));
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
