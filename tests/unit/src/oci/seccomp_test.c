/* The default profile: not laxer than the distribution's, and its compiled form means what the profile
 * says. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../../src/oci/seccomp.h"
#include "../../../../src/oci/spec.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/path.h"
#include "../../../../src/util/str.h"

#define BIT(cap) (UINT64_C(1) << (cap))
static const uint64_t docker_caps = 0xa80425fb, all_caps = (BIT(CAP_CHECKPOINT_RESTORE) << 1) - 1;

static bool names_have(const json_t *rule, const char *name)
{
	size_t i;
	const json_t *v;
	json_array_foreach(jx_arr(rule, "names"), i, v) if (str_eq(json_string_value(v), name)) return true;
	return false;
}

/* Whether a profile allows the call, at all or whatever its arguments. */
static bool allows(const json_t *profile, const char *name, bool unconditionally)
{
	size_t i;
	const json_t *rule;
	json_array_foreach(jx_arr(profile, "syscalls"), i,
		rule) if (str_eq(jx_str(rule, "action"), "SCMP_ACT_ALLOW") && names_have(rule, name) &&
			  !(unconditionally && json_array_size(jx_arr(rule, "args")) > 0)) return true;
	return false;
}

/* podman's profile is in the same format as docker's; where the package is not installed there is nothing
 * to compare with, and the lists below still hold. */
static void compare_with_distribution(uint64_t caps)
{
	static const char path[] = "/usr/share/containers/seccomp.json";
	auto_json json_t *theirs = NULL, *ours = seccomp_default(caps);
	size_t i, k;
	const json_t *rule, *name;
	if (access(path, R_OK) != 0)
		return;
	assert_int_equal(seccomp_from_file(path, caps, &theirs, NULL), 0);
	json_array_foreach(jx_arr(ours, "syscalls"), i, rule)
	{
		if (!str_eq(jx_str(rule, "action"), "SCMP_ACT_ALLOW"))
			continue;
		bool always = json_array_size(jx_arr(rule, "args")) == 0;
		json_array_foreach(jx_arr(rule, "names"), k, name)
		{
			/* reboot and its like: podman leaves them to the capability alone */
			if (!allows(theirs, json_string_value(name), always))
				fail_msg("'%s' is allowed here and not there", json_string_value(name));
		}
	}
}

static void test_not_laxer(void **state)
{
	compare_with_distribution(docker_caps);
	compare_with_distribution(0);
	compare_with_distribution(all_caps);
}

static void test_what_needs_a_capability(void **state)
{
	static const struct {
		const char *name;
		int cap;
	} gates[] = {
		{"mount", CAP_SYS_ADMIN},
		{"unshare", CAP_SYS_ADMIN},
		{"setns", CAP_SYS_ADMIN},
		{"clone3", CAP_SYS_ADMIN},
		{"open_tree", CAP_SYS_ADMIN},
		{"bpf", CAP_BPF},
		{"bpf", CAP_SYS_ADMIN},
		{"perf_event_open", CAP_PERFMON},
		{"reboot", CAP_SYS_BOOT},
		{"init_module", CAP_SYS_MODULE},
		{"iopl", CAP_SYS_RAWIO},
		{"clock_settime", CAP_SYS_TIME},
		{"open_by_handle_at", CAP_DAC_READ_SEARCH},
		{"syslog", CAP_SYSLOG},
		{"acct", CAP_SYS_PACCT},
		{"mbind", CAP_SYS_NICE},
		{"kcmp", CAP_SYS_PTRACE},
		{"vhangup", CAP_SYS_TTY_CONFIG},
	};
	auto_json json_t *none = seccomp_default(docker_caps);
	for (size_t i = 0; i < ARRAY_LEN(gates); i++) {
		auto_json json_t *with = seccomp_default(docker_caps | BIT(gates[i].cap));
		assert_false(allows(none, gates[i].name, false));
		assert_true(allows(with, gates[i].name, true));
	}
	auto_json json_t *no_chroot = seccomp_default(0);
	assert_true(allows(none, "chroot", true));
	assert_false(allows(no_chroot, "chroot", false));
	assert_false(allows(none, "clone", true));
}

static void test_never_allowed(void **state)
{
	static const char *const names[] = {"keyctl", "add_key", "request_key", "kexec_load",
		"kexec_file_load", "swapon", "swapoff", "pivot_root", "userfaultfd", "io_uring_setup",
		"io_uring_enter", "vmsplice", "move_pages", "nfsservctl", "uselib", "create_module",
		"_sysctl", "vm86", "personality"};
	auto_json json_t *p = seccomp_default(all_caps);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_false(allows(p, names[i], true));
	for (size_t i = 0; i + 1 < ARRAY_LEN(names); i++)
		assert_false(allows(p, names[i], false));
}

/* --- the compiled form --- */

#if defined(__x86_64__)

/* The few instructions that are used; anything else fails the test. */
static uint32_t run(const struct sock_filter *f, size_t n, const struct seccomp_data *d)
{
	uint32_t a = 0;
	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &f[pc];
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(i->k + 4 <= sizeof *d);
			memcpy(&a, (const char *)d + i->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			fail_msg("instruction %x", i->code);
		}
	}
	fail_msg("ran past the end");
	return 0;
}

static bool holds(const json_t *arg, const struct seccomp_data *d)
{
	uint64_t v = d->args[jx_int(arg, "index", 0)], value = (uint64_t)jx_int(arg, "value", 0);
	const char *op = jx_str(arg, "op");
	if (STREQ(op, "SCMP_CMP_EQ"))
		return v == value;
	if (STREQ(op, "SCMP_CMP_NE"))
		return (uint32_t)v != value;
	assert_string_equal(op, "SCMP_CMP_MASKED_EQ");
	return (v & value) == (uint64_t)jx_int(arg, "valueTwo", 0);
}

/* What the profile says about a call, read naively. */
static uint32_t expected(const json_t *profile, const char *name, const struct seccomp_data *d)
{
	size_t i, k;
	const json_t *rule, *arg;
	json_array_foreach(jx_arr(profile, "syscalls"), i, rule)
	{
		bool match = names_have(rule, name);
		json_array_foreach(jx_arr(rule, "args"), k, arg) match = match && holds(arg, d);
		if (match)
			return str_eq(jx_str(rule, "action"), "SCMP_ACT_ALLOW")
				       ? SECCOMP_RET_ALLOW
				       : SECCOMP_RET_ERRNO | (uint32_t)jx_int(rule, "errnoRet", 0);
	}
	return SECCOMP_RET_ERRNO | ENOSYS;
}

static const char *name_of(const struct seccomp_nr *list, int nr)
{
	for (; list->name; list++)
		if (list->nr == nr)
			return list->name;
	return "?";
}

static void check_arch(const json_t *profile, uint32_t arch, const struct seccomp_nr *list)
{
	static const uint64_t args[][3] = {
		{0, 0, 0},
		{8, 0, 0},
		{0x20008, 0, 0},
		{0x40000, 0, 0},
		{0xffffffff, 0, 0},
		{40, 1, 0},
		{16, 3, 9},
		{2, 1, 9},
		{16, 3, 0},
		{0x10000000, 0, 0},
		{0x00020000, 0, 0},
		{0x7e020000, 0, 0},
		{0x3d0f00, 0, 0},
		{0x100000028, 0, 0},
		{0x100000008, 0, 9},
	};
	size_t n = 0;
	auto_free struct sock_filter *f = seccomp_compile(profile, &n);
	assert_non_null(f);
	for (int nr = 0; nr < 600; nr++) {
		const char *name = name_of(list, nr);
		bool looks_at_args =
			STREQ(name, "clone") || STREQ(name, "personality") || STREQ(name, "socket");
		for (size_t i = 0; i < (looks_at_args ? ARRAY_LEN(args) : 1); i++) {
			if (arch == AUDIT_ARCH_I386 && args[i][0] > UINT32_MAX)
				continue;
			struct seccomp_data d = {
				.nr = nr, .arch = arch, .args = {args[i][0], args[i][1], args[i][2]}};
			uint32_t want = expected(profile, name, &d), got = run(f, n, &d);
			if (got != want)
				fail_msg("arch %x, '%s' (%d), arguments %zu: %x, not %x", arch, name, nr, i,
					got, want);
		}
	}
}

static void test_compiled_means_the_same(void **state)
{
	const uint64_t caps[] = {docker_caps, 0, BIT(CAP_SYS_ADMIN), all_caps};
	for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
		auto_json json_t *p = seccomp_default(caps[i]);
		check_arch(p, AUDIT_ARCH_X86_64, seccomp_nr64);
		check_arch(p, AUDIT_ARCH_I386, seccomp_nr32);
	}
}

static void test_compiled_other_ways_in(void **state)
{
	auto_json json_t *p = seccomp_default(all_caps);
	size_t n = 0;
	auto_free struct sock_filter *f = seccomp_compile(p, &n);
	const struct seccomp_data x32 = {.nr = 0x40000000, .arch = AUDIT_ARCH_X86_64};
	const struct seccomp_data negative = {.nr = -1, .arch = AUDIT_ARCH_X86_64};
	const struct seccomp_data other = {.nr = 0, .arch = AUDIT_ARCH_AARCH64};
	assert_int_equal(run(f, n, &x32), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(run(f, n, &negative), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(run(f, n, &other), SECCOMP_RET_KILL_PROCESS);
}

static void test_tables(void **state)
{
	for (size_t i = 0; seccomp_nr64[i + 1].name; i++)
		assert_true(strcmp(seccomp_nr64[i].name, seccomp_nr64[i + 1].name) < 0);
	for (size_t i = 0; seccomp_nr32[i + 1].name; i++)
		assert_true(strcmp(seccomp_nr32[i].name, seccomp_nr32[i + 1].name) < 0);
	/* every name of the profile has a number somewhere, but for two that only 32-bit ARM knows */
	auto_json json_t *p = seccomp_default(all_caps);
	size_t i, k;
	const json_t *rule, *name;
	json_array_foreach(jx_arr(p, "syscalls"), i, rule)
	{
		json_array_foreach(jx_arr(rule, "names"), k, name)
		{
			const char *s = json_string_value(name);
			bool found = STREQ(s, "send") || STREQ(s, "recv");
			for (const struct seccomp_nr *t = seccomp_nr64; t->name && !found; t++)
				found = STREQ(t->name, s);
			for (const struct seccomp_nr *t = seccomp_nr32; t->name && !found; t++)
				found = STREQ(t->name, s);
			if (!found)
				fail_msg("'%s' has no number", s);
		}
	}
}

/* What the compiler does not understand must not become a program that allows something. */
static void test_not_understood(void **state)
{
	static const char *const changes[] = {
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_LOG\"}",
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":9,\"value\":1,"
		"\"op\":\"SCMP_CMP_EQ\"}]}",
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,"
		"\"op\":\"SCMP_CMP_GT\"}]}",
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":"
		"4294967296,\"op\":\"SCMP_CMP_EQ\"}]}",
	};
	size_t n;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		auto_json json_t *p = json_pack("{sss[o]}", "defaultAction", "SCMP_ACT_ERRNO", "syscalls",
			json_loads(changes[i], 0, NULL));
		assert_non_null(p);
		assert_null(seccomp_compile(p, &n));
	}
	auto_json json_t *allow_all = json_pack("{sss[]}", "defaultAction", "SCMP_ACT_ALLOW", "syscalls");
	assert_null(seccomp_compile(allow_all, &n));
}

#endif

static void test_file(void **state)
{
	static const char text[] =
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":[],\"syscalls\":["
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"comment\":\"x\",\"includes\":{},"
		"\"excludes\":{}},"
		"{\"name\":\"write\",\"action\":\"SCMP_ACT_ALLOW\",\"args\":[]},"
		"{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_SYS_"
		"ADMIN\"]}},"
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_ALLOW\",\"excludes\":{\"caps\":[\"CAP_SYS_"
		"ADMIN\"]}},"
		"{\"names\":[\"s390_x\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"s390\"]}},"
		"{\"names\":[\"old\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"3.2\"}},"
		"{\"names\":[\"new\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"99.0\"}}]}";
	char path[] = "/tmp/davit-seccomp-XXXXXX";
	auto_err struct err err = ERR_INIT, err2 = ERR_INIT;
	auto_json json_t *p = NULL, *none = NULL;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	close(fd);
	assert_int_equal(seccomp_from_file(path, docker_caps, &p, &err), 0);
	assert_true(allows(p, "read", true) && allows(p, "write", true) && allows(p, "open", true) &&
		    allows(p, "old", true));
	assert_false(allows(p, "mount", false) || allows(p, "s390_x", false) || allows(p, "new", false));
	assert_null(json_object_get(p, "archMap"));
	assert_true(json_array_size(jx_arr(p, "architectures")) > 0);
	unlink(path);
	assert_int_equal(seccomp_from_file(path, 0, &none, &err2), -1);
	assert_int_equal(err2.kind, ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_laxer),
		cmocka_unit_test(test_what_needs_a_capability),
		cmocka_unit_test(test_never_allowed),
#if defined(__x86_64__)
		cmocka_unit_test(test_compiled_means_the_same),
		cmocka_unit_test(test_compiled_other_ways_in),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_not_understood),
#endif
		cmocka_unit_test(test_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
