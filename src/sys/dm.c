/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/dm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"

/* libdevmapper's flags for udev's rules, which are kept away from what lives for a moment: subsystems, disks, others, the fallback. */
#define UDEV_FLAGS (0x2u | 0x4u | 0x8u | 0x20u)
#define UDEV_SHIFT 16

/* One request: the head, and what the kernel reads or writes behind it. */
struct request {
	struct dm_ioctl head;
	union {
		struct dm_target_spec spec;
		struct dm_target_msg msg;
		char bytes[2 * DM_TEXT_MAX];
	} data;
};

static void init(struct request *q, const char *name, uint32_t flags)
{
	memset(q, 0, sizeof(*q));
	q->head.version[0] = DM_VERSION_MAJOR;
	q->head.data_size = sizeof(*q);
	q->head.data_start = offsetof(struct request, data);
	q->head.flags = flags;
	snprintf(q->head.name, sizeof(q->head.name), "%s", name);
}

static int control(struct err *e)
{
	int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC), r = fd < 0 ? -errno : 0;

	if (fd >= 0)
		return fd;
	if (r != -ENOENT && r != -ENODEV && r != -ENXIO)
		return err_set(e, r, "open /dev/mapper/control");
	err_kind(e, ERR_MISSING, -EOPNOTSUPP, "this kernel has no device mapper (/dev/mapper/control)");
	return err_hint(e, -EOPNOTSUPP, "modprobe dm-thin-pool, or another storage driver");
}

static int ask(unsigned long what, struct request *q, struct err *e)
{
	_cleanup_close_ int fd = control(e);

	if (fd < 0)
		return fd;
	return ioctl(fd, what, q) < 0 ? -errno : 0;
}

int dm_check(struct err *e)
{
	struct request q;
	int r;

	init(&q, "", 0);
	r = ask(DM_VERSION, &q, e);
	return r < 0 && (!e || !e->code) ? err_set(e, r, "ask for the device mapper's version") : r;
}

static int load(const char *name, const struct dm_target *t)
{
	struct request q;
	size_t n = strlen(t->params) + 1;

	if (sizeof(q.data.spec) + n > sizeof(q.data))
		return -E2BIG;
	init(&q, name, t->ro ? DM_READONLY_FLAG : 0);
	q.head.target_count = 1;
	q.data.spec.length = t->sectors;
	snprintf(q.data.spec.target_type, sizeof(q.data.spec.target_type), "%s", t->type);
	memcpy(q.data.bytes + sizeof(q.data.spec), t->params, n);
	return ask(DM_TABLE_LOAD, &q, NULL);
}

int dm_create(const char *name, const struct dm_target *t, struct err *e)
{
	struct request q;
	int r;

	init(&q, name, 0);
	r = ask(DM_DEV_CREATE, &q, e);
	if (r == -EBUSY)
		return -EEXIST;
	if (r < 0)
		return e && e->code ? r : err_set(e, r, "make the device %s", name);
	r = load(name, t);
	if (r == 0) {
		init(&q, name, 0);
		q.head.event_nr = UDEV_FLAGS << UDEV_SHIFT;
		r = ask(DM_DEV_SUSPEND, &q, NULL);
	}
	if (r == 0)
		return 0;
	(void)dm_remove(name, false, NULL);
	r = err_set(e, r, "make the device %s: %s %s", name, t->type, t->params);
	/* The kernel knows no such target. */
	return r == -EINVAL ? err_hint(e, r, "is the module there? modprobe dm-%s", t->type) : r;
}

int dm_remove(const char *name, bool later, struct err *e)
{
	struct request q;
	int r;

	init(&q, name, later ? DM_DEFERRED_REMOVE : 0);
	q.head.event_nr = UDEV_FLAGS << UDEV_SHIFT;
	r = ask(DM_DEV_REMOVE, &q, e);
	if (r == -ENXIO || r == 0)
		return 0;
	return e && e->code ? r : err_set(e, r, "remove the device %s", name);
}

int dm_find(const char *name, char node[static DM_NODE_MAX], struct err *e)
{
	struct request q;
	struct stat st;
	int r;

	init(&q, name, 0);
	r = ask(DM_DEV_STATUS, &q, e);
	if (r == -ENXIO || (r == 0 && !(q.head.flags & DM_ACTIVE_PRESENT_FLAG)))
		return 0;
	if (r < 0)
		return e && e->code ? r : err_set(e, r, "look for the device %s", name);
	snprintf(node, DM_NODE_MAX, "/dev/dm-%u", minor(q.head.dev));
	/* Of the kernel's own file system for devices, as a rule. */
	if (stat(node, &st) < 0 && mknod(node, S_IFBLK | 0600, makedev(major(q.head.dev), minor(q.head.dev))) < 0 &&
	    errno != EEXIST)
		return err_set(e, -errno, "make %s", node);
	return 1;
}

int dm_message(const char *name, const char *text, const int *expected, struct err *e)
{
	struct request q;
	size_t n = strlen(text) + 1;
	int r;

	if (sizeof(q.data.msg) + n > sizeof(q.data))
		return err_kind(e, ERR_LIMIT, -E2BIG, "a message to %s is too long", name);
	init(&q, name, 0);
	memcpy(q.data.bytes + offsetof(struct dm_target_msg, message), text, n);
	r = ask(DM_TARGET_MSG, &q, e);
	for (; r < 0 && expected && *expected; expected++)
		if (r == *expected)
			return r;
	return r < 0 && (!e || !e->code) ? err_set(e, r, "tell %s '%s'", name, text) : r;
}

int dm_status(const char *name, bool table, char text[static DM_TEXT_MAX], struct err *e)
{
	struct request q;
	int r;

	init(&q, name, DM_NOFLUSH_FLAG | (table ? DM_STATUS_TABLE_FLAG : 0));
	r = ask(DM_TABLE_STATUS, &q, e);
	if (r == 0 && (q.head.target_count != 1 || q.head.flags & DM_BUFFER_FULL_FLAG))
		r = -ENXIO;
	if (r < 0)
		return e && e->code ? r : err_set(e, r, "look at the device %s", name);
	/* The kernel ends it. */
	q.data.bytes[sizeof(q.data.bytes) - 1] = '\0';
	snprintf(text, DM_TEXT_MAX, "%.*s", DM_TEXT_MAX - 1, q.data.bytes + sizeof(q.data.spec));
	return 0;
}
