/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * bpf(2) for device programs: instructions, loading, attaching to a v2 control group.
 *
 * The instruction makers are the whole assembler: one call is one 8-byte instruction. Jumps count the instructions to
 * skip. Registers: 0 result, 1 context on entry, 2-5 scratch.
 */

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

static inline struct bpf_insn bpf_ins(uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	return (struct bpf_insn){ .code = code, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = off, .imm = imm };
}

static inline struct bpf_insn bpf_load32(uint8_t dst, uint8_t src, int16_t off)
{
	return bpf_ins(BPF_LDX | BPF_W | BPF_MEM, dst, src, off, 0);
}

static inline struct bpf_insn bpf_alu32(uint8_t op, uint8_t dst, int32_t imm)
{
	return bpf_ins((uint8_t)(BPF_ALU | BPF_K) | op, dst, 0, 0, imm);
}

static inline struct bpf_insn bpf_move32(uint8_t dst, uint8_t src)
{
	return bpf_ins(BPF_ALU | BPF_MOV | BPF_X, dst, src, 0, 0);
}

/* Compares all 64 bits with the sign-extended IMM: for values below 2^31. */
static inline struct bpf_insn bpf_jump(uint8_t op, uint8_t dst, int32_t imm, int16_t skip)
{
	return bpf_ins((uint8_t)(BPF_JMP | BPF_K) | op, dst, 0, skip, imm);
}

static inline struct bpf_insn bpf_exit(void)
{
	return bpf_ins(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The program's fd (O_CLOEXEC), or -errno. */
int bpf_device_prog_load(const struct bpf_insn *insns, size_t n, const char *name, struct err *e);

/* Attaches beside the programs of others (each can only forbid more). REPLACE_FD: the own program it takes the place
 * of, or -EBADF. */
int bpf_device_prog_attach(int cgroup_fd, int prog_fd, int replace_fd, struct err *e);
/* The program of that NAME attached to this very group: its fd, or -ENOENT. */
int bpf_device_prog_find(int cgroup_fd, const char *name);
int bpf_device_prog_detach(int cgroup_fd, int prog_fd, struct err *e);
