#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Speaks to containerd as a kubelet does, over CRI (runtime.v1), with messages put together by hand: cri.py SOCKET VERB ...

  version                                      the name of the runtime service
  run-pod NAME HANDLER CGROUP pod|node            runs a pod's sandbox, prints its id
  create POD NAME CGROUP pod|node IMAGE COMMAND...  a container of the pod (all as in run-pod), prints its id
  start|rm ID; stop ID SECONDS; stop-pod|remove-pod POD
  exec ID COMMAND...                           its output and its exit status
  memory ID BYTES                              changes the limit
  state ID                                     created, running, exited or unknown
"""

import sys

import grpc


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def msg(*fields):
    """(number, value)...: an int is a varint, text and messages have their length before them."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


def parse(data):
    """The fields of a message by number; of repeated ones the last."""
    fields, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = number()
        if key & 7 == 0:
            fields[key >> 3] = number()
        elif key & 7 == 2:
            size = number()
            fields[key >> 3] = data[at:at + size]
            at += size
        else:
            raise ValueError("wire type %d" % (key & 7))
    return fields


def pod_config(name, cgroup, network):
    # The host's network is NODE (2); seccomp as a kubelet asks for it: the runtime's default (0).
    options = msg((1, 2 if network == "node" else 0), (2, 1))
    security = msg((1, options), (9, msg((1, 0))))
    metadata = msg((1, name), (2, "uid-" + name), (3, "default"), (4, 0))
    hostname = [] if network == "node" else [(2, name)]
    return msg((1, metadata), *hostname, (8, msg((1, cgroup), (2, security))))


def container_config(name, network, image, command):
    options = msg((1, 2 if network == "node" else 0), (2, 1))
    security = msg((3, options), (15, msg((1, 0))))
    linux = msg((1, msg((4, 64 << 20), (3, 512))), (2, security))
    return msg((1, msg((1, name), (2, 0))), (2, msg((1, image))), *[(3, c) for c in command],
               (6, msg((1, "K"), (2, "v"))), (15, linux))


def main():
    socket, verb, args = sys.argv[1], sys.argv[2], sys.argv[3:]
    channel = grpc.insecure_channel("unix://" + socket)

    def call(method, request):
        rpc = channel.unary_unary("/runtime.v1.RuntimeService/" + method)
        try:
            return parse(rpc(request, timeout=30))
        except grpc.RpcError as e:
            sys.exit("%s: %s" % (method, e.details()))

    if verb == "version":
        print(call("Version", b"")[2].decode())
    elif verb == "run-pod":
        print(call("RunPodSandbox", msg((1, pod_config(args[0], args[2], args[3])), (2, args[1])))[1].decode())
    elif verb == "create":
        pod, name, cgroup, network, image = args[:5]
        config = container_config(name, network, image, args[5:])
        print(call("CreateContainer", msg((1, pod), (2, config), (3, pod_config(name, cgroup, network))))[1].decode())
    elif verb == "stop":
        call("StopContainer", msg((1, args[0]), (2, int(args[1]))))
    elif verb == "exec":
        got = call("ExecSync", msg((1, args[0]), *[(2, a) for a in args[1:]], (3, 20)))
        sys.stdout.buffer.write(got.get(1, b""))
        sys.stderr.buffer.write(got.get(2, b""))
        sys.exit(got.get(3, 0))
    elif verb == "memory":
        call("UpdateContainerResources", msg((1, args[0]), (2, msg((4, int(args[1]))))))
    elif verb == "state":
        status = parse(call("ContainerStatus", msg((1, args[0])))[1])
        print(["created", "running", "exited", "unknown"][status.get(3, 0)])
    else:
        methods = {"start": "StartContainer", "rm": "RemoveContainer", "stop-pod": "StopPodSandbox",
                   "remove-pod": "RemovePodSandbox"}
        call(methods[verb], msg((1, args[0])))


main()
