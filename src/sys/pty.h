/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pseudo terminals, always by fd: the peer comes from TIOCGPTPEER, never from a /dev/pts path (CVE-2025-52565). */

#include <sys/ioctl.h>
#include <termios.h>

#include "base/err.h"

/* A pair from the devpts instance whose root directory is DEVPTS_FD, or (-EBADF) from the host's /dev/ptmx. Both
 * O_CLOEXEC, O_NOCTTY. The caller's. */
int pty_open(int devpts_fd, int *ret_master, int *ret_slave);

/* Raw mode on a terminal fd; *RET_SAVED goes to pty_restore(). -ENOTTY when FD is none. */
int pty_raw(int fd, struct termios *ret_saved);
/* No carriage return is put before a new-line that comes out of MASTER: whoever shows it on a terminal has that done by
 * its own, and a file or a pipe wants none. */
void pty_plain_output(int master);
void pty_restore(int fd, const struct termios *saved);
int pty_copy_size(int from, int to);
