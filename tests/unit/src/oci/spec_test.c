/* What a container sees of its spec: capabilities, limits, mounts, masks, devices, terminal. With both runtimes. */
#include <sys/resource.h>

#include "live.h"

static const char *const runtimes[] = { "crun", "runc" };

static int has_line(const char *text, const char *line)
{
	size_t n = strlen(line);
	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, line, n) == 0 && (p[n] == '\n' || p[n] == '\0'))
			return 1;
		if (!*p)
			break;
	}
	return 0;
}

#define assert_line(text, line) \
	do { \
		if (!has_line(text, line)) \
			fail_msg("no line '%s' in:\n%s", line, text); \
	} while (0)
#define assert_no_line(text, line) \
	do { \
		if (has_line(text, line)) \
			fail_msg("line '%s' in:\n%s", line, text); \
	} while (0)

static void test_defaults(void **state)
{
	const char *const args[] = { "sh", "-c",
		"grep -E 'Cap|NoNew|Seccomp:' /proc/self/status; ls -1 /dev; echo pwd $PWD; cat /proc/keys | grep -c .;"
		"echo x > /proc/sysrq-trigger; echo ro $?; mount; ulimit -n; ulimit -Hn >/dev/null; cat /proc/self/cgroup", NULL };
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		int status;
		live_open(&l, runtimes[i]);
		struct oci_spec s = live_spec(&l, args);
		auto_free char *text = live_all(&l, &s, &status);
		printf("%s", text);
		assert_int_equal(status, 0);
		assert_line(text, "CapInh:\t0000000000000000");
		assert_line(text, "CapAmb:\t0000000000000000");
		assert_line(text, "CapEff:\t00000000a80425fb");
		assert_line(text, "CapBnd:\t00000000a80425fb");
		assert_line(text, "NoNewPrivs:\t0");
		assert_line(text, "Seccomp:\t2");
		live_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
	};
	return cmocka_run_group_tests(tests, live_private_mounts, NULL);
}
