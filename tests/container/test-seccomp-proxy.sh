#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# lxc.seccomp.*: policies of both versions with conditions, as a running container has them; calls that a program of the
# user's decides on; a policy upon another.
. "${0%/*}/lib.sh"
P=(-P "$LXCPATH")
a=$CT-a
command -v python3 >/dev/null || { skip "seccomp" "no python3" && exit; }
make_container "$a" <<<"lxc.net.0.type = empty
lxc.mount.auto = proc sys"
cp "$LXCPATH/$a/config" "$T/base"
with() {
	kill_ct "$a"
	{ cat "$T/base" && cat; } >"$LXCPATH/$a/config"
	check "$1: starts" start_ct "$a"
}
in_a() { in_ct "$a" /bin/sh -c "$1" 2>&1; }
pid_of() { lxc-info "${P[@]}" -n "$1" -pH 2>/dev/null; }

# --- policies ----------------------------------------------------------------------------------------------------------

printf '2\ndenylist\n[all]\nmkdir errno 33\nmkdirat errno 33\nkill errno 28 [1,0x0a,SCMP_CMP_EQ]\nsethostname errno 1\n' >"$T/deny"
with "version 2, denylist" <<<"lxc.seccomp.profile = $T/deny"
like "a call fails with the errno that is said" "$(in_a 'mkdir /tmp/x')" 'argument out of domain|Numerical argument|Math argument'
like "a condition: the signal it names" "$(in_a 'kill -10 1')" '[Nn]o space left'
is "and no other" "$(in_a 'kill -0 1 && echo fine')" fine
is "init is under it" "$(awk '/^Seccomp:/{print $2}' "/proc/$(pid_of "$a")/status")" 2
python3 - >"$T/v1" <<'E'
print(1)
print("allowlist")
for i in range(0, 600):
	if i not in (83, 258): print(i)
E
if [ "$(uname -m)" = x86_64 ]; then
	with "version 1, numbers" <<<"lxc.seccomp.profile = $T/v1"
	in_a 'mkdir /tmp/y' >/dev/null
	check "a call that is not in the list is not made" test ! -e "$LXCPATH/$a/rootfs/tmp/y"
fi
kill_ct "$a"
printf '2\nallowlist allow\nreboot kill\n' >"$T/words"
with "words with a default action" <<<"lxc.seccomp.profile = $T/words"
printf '2\ndenylist\nno_such_call errno 1\n' >"$T/unknown"
kill_ct "$a"
{ cat "$T/base" && echo "lxc.seccomp.profile = $T/missing"; } >"$LXCPATH/$a/config"
refuse "a policy that is not there" start_ct "$a"
like "is named" "$(cat "$T/.out")" "$T/missing"

# --- notify ------------------------------------------------------------------------------------------------------------

cat >"$T/proxy.py" <<'E'
import array, os, socket, struct, sys
addr, log = sys.argv[1], sys.argv[2]
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind("\0" + addr[1:] if addr[0] == "@" else addr)
s.listen(4)
open(log + ".up", "w")
import threading
def serve(c):
	while True:
		msg, anc, _, _ = c.recvmsg(8192, socket.CMSG_SPACE(4 * 8))
		if not msg: return
		fds = array.array("i")
		for level, kind, data in anc: fds.frombytes(data[:len(data) // 4 * 4])
		reserved, monitor, init = struct.unpack_from("=QII", msg, 0)
		nsize, rsize, dsize = struct.unpack_from("=HHH", msg, 16)
		length, = struct.unpack_from("=Q", msg, 24)
		nid, pid, flags, nr, arch, ip = struct.unpack_from("=QIIiIQ", msg, 32)
		args = struct.unpack_from("=6Q", msg, 32 + 32)
		cookie = msg[32 + nsize + rsize:].decode()
		where = args[0] if nr == 83 else args[1]
		path = os.pread(fds[1], 256, where).split(b"\0")[0].decode()
		cwd = os.readlink("cwd", dir_fd=fds[0])
		with open(log, "a") as f: f.write(f"{path} cookie={cookie}/{length} fds={len(fds)} init={init} monitor={monitor} cwd={cwd} reserved={reserved}\n")
		val, err, fl = 0, 0, 0
		if path.endswith("allowed"): fl = 1
		elif path.endswith("faked"): pass
		else: err = -33
		resp = struct.pack("=QqiI", nid, val, err, fl)
		for fd in fds: os.close(fd)
		c.sendall(msg[:32 + nsize] + resp)
while True:
	c, _ = s.accept()
	threading.Thread(target=serve, args=(c,), daemon=True).start()
E
printf '2\ndenylist\nmkdir notify\nmkdirat notify\n' >"$T/notify"
proxy() {
	rm -f "$T/asked.up" "$T/asked"
	python3 "$T/proxy.py" "$1" "$T/asked" &
	proxy_pid=$!
	wait_for 5 test -e "$T/asked.up"
}
proxies() { pgrep -x creel-seccomp | wc -l; }
proxy "$T/proxy.sock"
with "notify.proxy, of a path" <<E
lxc.seccomp.profile = $T/notify
lxc.seccomp.notify.proxy = unix:$T/proxy.sock
lxc.seccomp.notify.cookie = a cookie
E
is "what it permits is done" "$(in_a 'mkdir /tmp/allowed; ls -d /tmp/allowed')" /tmp/allowed
is "what it answers itself is not" "$(in_a 'mkdir /tmp/faked && echo said; ls -d /tmp/faked 2>/dev/null')" said
like "what it refuses fails as it says" "$(in_a 'mkdir /tmp/other')" 'argument out of domain|Numerical argument|Math argument'
p=$(pid_of "$a")
k=$(awk '/^PPid/{print $2}' "/proc/$p/status")
like "it is told all that LXC tells" "$(head -n 1 "$T/asked")" "^/tmp/allowed cookie=a cookie/8 fds=3 init=$p monitor=$k cwd=.*/? reserved=0"
kill $proxy_pid
wait $proxy_pid 2>/dev/null
rm -f "$T/proxy.sock"
like "without it calls fail" "$(in_a 'mkdir /tmp/third')" 'not implemented'
proxy "$T/proxy.sock"
is "when it is back, they do not" "$(in_a 'mkdir /tmp/2allowed; ls -d /tmp/2allowed')" /tmp/2allowed
# Of the container's own, not only of those that enter: init makes one.
kill_ct "$a"
wait_for 5 test "$(proxies)" = 0
is "when the container has gone, so has the process that asks" "$(proxies)" 0
rm -f "$T/asked"
{ cat "$T/base" && echo "lxc.seccomp.profile = $T/notify" && echo "lxc.seccomp.notify.proxy = unix:$T/proxy.sock"; } >"$LXCPATH/$a/config"
is "in the foreground, by init itself" "$(lxc-execute "${P[@]}" -n "$a" -- /bin/sh -c 'mkdir /tmp/init.allowed && echo done' </dev/null 2>&1 | tr -d "\r")" "done"
like "without a cookie" "$(cat "$T/asked")" '^/tmp/init.allowed cookie=/0 '
kill $proxy_pid
proxy "@$CT-proxy"
with "notify.proxy, of an abstract name" <<E
lxc.seccomp.profile = $T/notify
lxc.seccomp.notify.proxy = unix:@$CT-proxy
E
is "is asked" "$(in_a 'mkdir /tmp/3allowed; ls -d /tmp/3allowed')" /tmp/3allowed
kill $proxy_pid
kill_ct "$a"

# --- upon another ------------------------------------------------------------------------------------------------------

cat >"$T/confined.py" <<'E'
import ctypes, os, struct, sys
c = ctypes.CDLL(None, use_errno=True)
code = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0x7fff0000))
prog = ctypes.create_string_buffer(struct.pack("=HxxxxxxQ", 1, ctypes.addressof(code)))
if c.prctl(22, 2, prog, 0, 0) != 0: sys.exit(9)
os.execvp(sys.argv[1], sys.argv[1:])
E
filters() { # filters CONFIG…: how many are upon a process of a container that is started under one
	python3 "$T/confined.py" lxc-execute "${P[@]}" -n "$a" -s "lxc.seccomp.profile=$T/deny" "$@" -- /bin/grep Seccomp_filters /proc/self/status \
		</dev/null 2>&1 | tr -dc 0-9
}
cp "$T/base" "$LXCPATH/$a/config"
is "lxc.seccomp.allow_nesting = 1: one upon the other" "$(filters -s lxc.seccomp.allow_nesting=1)" 2
is "lxc.seccomp.allow_nesting = 0: the caller's alone" "$(filters -s lxc.seccomp.allow_nesting=0)" 1
is "not said: never less than was asked for" "$(filters)" 2
