/* seccomp.h - pieces that the default profile, its compiled form and their tests share. */
#pragma once

#include <jansson.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

struct seccomp_arg {
	unsigned index;
	int64_t value, value_two;
	const char *op; /* "SCMP_CMP_EQ" … */
};
/* names: words separated by blanks. errno_ret < 0: none (for "allow"). n_args may be 0. */
void seccomp_add(json_t *syscalls, const char *names, const char *action, int errno_ret,
	const struct seccomp_arg *args, size_t n_args);

/* Sorted by name, ends with a NULL name. x86 only. */
struct seccomp_nr {
	const char *name;
	int nr;
};
extern const struct seccomp_nr seccomp_nr64[], seccomp_nr32[];

/* seccomp_bpf.c: the profile as the kernel takes it, NULL where davit cannot compile it (then the runtime
 * does); *ret_n instructions, free() it. */
struct sock_filter *seccomp_compile(const json_t *profile, size_t *ret_n);
/* The same in base64, for crun's annotation; NULL as above. */
char *seccomp_compile_base64(const json_t *profile);
