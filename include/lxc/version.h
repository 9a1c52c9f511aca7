/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __LXC_VERSION_H
#define __LXC_VERSION_H

/* The release of LXC whose interface these headers and liblxc.so.1 have. */
#define LXC_DEVEL	  0
#define LXC_VERSION_MAJOR 6
#define LXC_VERSION_MINOR 0
#define LXC_VERSION_MICRO 4
#define LXC_VERSION_ABI	  "1.8.0"
#define LXC_VERSION	  "6.0.4"

#endif
