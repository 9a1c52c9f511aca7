/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The program's entry point: what cli_protect_self() and cli_delegate() do, before the C library is there.
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
#define X_OK	  1 /* of unistd.h */

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

/* The usual verbs of Docker's client, none of which is creel's own: they are another program's (delegate.c). */
static bool delegates(char **argv)
{
	return same(base_name(argv[0]), "creel") && argv[1] &&
	       is_word("create\0exec\0images\0inspect\0kill\0logs\0ps\0rm\0run\0start\0stop\0wait\0", argv[1]);
}

/* Appended to the path of N bytes in TO; what it has then, 0: there is no room. */
static long add(char to[static PATH_MAX], long n, const char *s)
{
	while (*s && n < PATH_MAX - 1)
		to[n++] = *s++;
	to[n] = '\0';
	return *s ? 0 : n;
}

/* PROGRAM of the folder DIR, from a detached read-only mount of that. */
static void execute_from(const char *dir, const char *program, char *as, char **argv, char **envp)
{
	long fd = call(SYS_open_tree, AT_FDCWD, (long)dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0, 0);
	struct mount_attr attr;
	char *first = argv[0];

	if (fd < 0)
		return;
	attr.attr_set = MOUNT_ATTR_RDONLY;
	attr.attr_clr = attr.propagation = attr.userns_fd = 0;
	if (call(SYS_mount_setattr, fd, (long)"", AT_EMPTY_PATH, (long)&attr, sizeof(attr)) == 0) {
		argv[0] = as;
		(void)call(SYS_execveat, fd, (long)program, (long)argv, (long)envp, 0);
		argv[0] = first;
	}
	(void)call(SYS_close, fd, 0, 0, 0, 0);
}

static void delegate(const char *self, char *as, char **argv, char **envp)
{
	char dir[PATH_MAX], path[PATH_MAX];

	/* Beside us, as in a build (not among the system's programs), or where an installation has it; what lies elsewhere
	 * cli_delegate() finds. */
	for (int i = same(self, "/usr/bin") || same(self, "/usr/sbin"); i < 2; i++) {
		long n = add(dir, 0, self);

		if (n > 0 && i == 1)
			n = add(dir, n, "/../libexec/creel");
		if (n > 0 && (n = add(path, 0, dir)) > 0 && add(path, n, "/creel-docker") > 0 &&
		    call(SYS_access, (long)path, X_OK, 0, 0, 0) == 0) {
			execute_from(dir, "creel-docker", as, argv, envp);
			return;
		}
	}
}

static void execute_protected(bool other, char **argv, char **envp)
{
	char self[PATH_MAX], as[PATH_MAX];
	struct statfs st;
	const char *name = base_name(argv[0]);
	long n = call(SYS_readlink, (long)"/proc/self/exe", (long)self, sizeof(self) - 1, 0, 0), slash;

	if (n <= 0)
		return;
	self[n] = '\0';
	for (slash = n; slash > 0 && self[slash] != '/'; slash--)
		;
	if (slash == 0)
		return;
	if (!other && (call(SYS_statfs, (long)"/proc/self/exe", (long)&st, 0, 0, 0) < 0 || st.f_flags & READ_ONLY))
		return;
	self[slash] = '\0';
	/* The name tells engine_self() where we come from, and main() which command we are. */
	n = add(as, 0, self);
	if (n == 0 || (n = add(as, n, "/")) == 0 || add(as, n, name) == 0)
		return;
	if (other)
		delegate(self, as, argv, envp);
	else
		execute_from(self, self + slash + 1, as, argv, envp);
}

int early(long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	bool other;

	if (argc < 1 || call(SYS_geteuid, 0, 0, 0, 0, 0) != 0)
		return 0;
	other = delegates(argv);
	if (other || enters(argv))
		execute_protected(other, argv, argv + argc + 1);
	return 0;
}
