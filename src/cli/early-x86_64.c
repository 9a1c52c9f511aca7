/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The program's entry point: what cli_protect_self() does, before the C library is there.
 *
 * A command that enters containers executes itself twice (protect.c has the reason). By the time main() runs, the first of
 * the two has relocated itself and asked the processor for all its features, for nothing: a quarter of a millisecond, more
 * than anything else in an `exec`. So it is done here, by bare system calls, as the first thing that the program does.
 *
 * Only a hint is taken from the arguments. Who is protected without need pays for one execve(2); who is not, here, is by
 * main(), which knows the command. So nothing here is an error: whatever fails, the program goes on as if this were not.
 *
 * Nothing is relocated yet and there is no thread-local storage: no pointer in static data, no call into a library (the
 * build forbids the compiler to make one of a loop), no stack protector.
 */

#include <fcntl.h>
#include <linux/limits.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#define READ_ONLY 1 /* ST_RDONLY of struct statfs */

int early(long *stack);

/* The kernel's stack: argc, argv, NULL, envp, NULL. The C library's own entry gets it as it was. */
__asm__(".text\n"
	".globl creel_entry\n"
	".type creel_entry, @function\n"
	"creel_entry:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rdx, %r12\n"
	"	mov %rsp, %r13\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call early\n"
	"	mov %r13, %rsp\n"
	"	mov %r12, %rdx\n"
	"	jmp _start\n"
	".size creel_entry, . - creel_entry\n");

static long call(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return r;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* One of the words of LIST, which ends with an empty one. */
static bool is_word(const char *list, const char *s)
{
	while (*list) {
		if (same(list, s))
			return true;
		while (*list++)
			;
	}
	return false;
}

static const char *base_name(const char *path)
{
	const char *name = path;

	for (; *path; path++)
		if (*path == '/')
			name = path + 1;
	return name;
}

static bool enters(char **argv)
{
	const char *name = base_name(argv[0]);
	bool creel = same(name, "creel");

	if (is_word("lxc-attach\0lxc-autostart\0lxc-execute\0lxc-start\0", name))
		return true;
	if (!creel && !is_word("creel-oci\0crun\0runc\0", name))
		return false;
	/* Docker's verbs are another program's, which is executed from there at once (delegate.c). */
	if (creel && (!argv[1] || !(is_word("keeper-exit\0lxc\0oci\0", argv[1]) ||
				    (argv[1][0] == 'l' && argv[1][1] == 'x' && argv[1][2] == 'c'))))
		return false;
	/* runc's "start" enters nothing: it lets go of a process that is inside. */
	for (argv++; *argv; argv++)
		if (is_word("create\0exec\0run\0", *argv) ||
		    (creel && is_word("attach\0execute\0keeper-exit\0start\0", *argv)))
			return true;
	return false;
}

static void execute_protected(char **argv, char **envp)
{
	char self[PATH_MAX], program[PATH_MAX + NAME_MAX + 2], *to = program, *first = argv[0];
	struct mount_attr attr;
	struct statfs st;
	const char *name = base_name(argv[0]);
	long n = call(SYS_readlink, (long)"/proc/self/exe", (long)self, sizeof(self) - 1, 0, 0), slash, fd;

	if (n <= 0)
		return;
	self[n] = '\0';
	for (slash = n; slash > 0 && self[slash] != '/'; slash--)
		;
	if (slash == 0)
		return;
	if (call(SYS_statfs, (long)"/proc/self/exe", (long)&st, 0, 0, 0) < 0 || st.f_flags & READ_ONLY)
		return;
	self[slash] = '\0';
	fd = call(SYS_open_tree, AT_FDCWD, (long)self, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0, 0);
	if (fd < 0)
		return;
	attr.attr_set = MOUNT_ATTR_RDONLY;
	attr.attr_clr = attr.propagation = attr.userns_fd = 0;
	if (call(SYS_mount_setattr, fd, (long)"", AT_EMPTY_PATH, (long)&attr, sizeof(attr)) == 0) {
		for (const char *from = self; *from;)
			*to++ = *from++;
		*to++ = '/';
		while (*name && to < program + sizeof(program) - 1)
			*to++ = *name++;
		*to = '\0';
		argv[0] = program;
		(void)call(SYS_execveat, fd, (long)(self + slash + 1), (long)argv, (long)envp, 0);
		argv[0] = first;
	}
	(void)call(SYS_close, fd, 0, 0, 0, 0);
}

int early(long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);

	if (argc > 0 && call(SYS_geteuid, 0, 0, 0, 0, 0) == 0 && enters(argv))
		execute_protected(argv, argv + argc + 1);
	return 0;
}
