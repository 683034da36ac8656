/* seccomp.h - small pieces that both the default profile and a user's are made of. */
#pragma once

#include <jansson.h>
#include <stdint.h>

struct seccomp_arg {
	unsigned index;
	int64_t value, value_two;
	const char *op;               /* "SCMP_CMP_EQ" … */
};
/* names: words separated by blanks. errno_ret < 0: none (for "allow"). n_args may be 0. */
void seccomp_add(json_t *syscalls, const char *names, const char *action, int errno_ret, const struct seccomp_arg *args,
	size_t n_args);
