/* Real containers through both runtimes, on whatever cgroups this machine has. */
#include "live.h"

static const char *const runtimes[] = { "crun", "runc" };

static char *mounts_now(void)
{
	struct buf b = BUF_INIT;
	assert_int_equal(path_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &b, NULL), 0);
	return buf_take(&b);
}

/* No hierarchy has the project's cgroup any more. */
static void assert_no_cgroups(const char *project)
{
	static const char *const where[] = { "", "memory/", "pids/", "cpu/", "cpuset/", "devices/", "freezer/", "blkio/", "systemd/",
		"unified/" };
	for (size_t i = 0; i < ARRAY_LEN(where); i++) {
		auto_free char *path = xasprintf("/sys/fs/cgroup/%sdavit/%s", where[i], project);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static void test_whole_life(void **state)
{
	const char *const args[] = { "sh", "-c", "echo $$ $(hostname) out; echo err >&2; exec sleep 1000", NULL };
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		char project[32];
		auto_free char *before = mounts_now();
		live_open(&l, runtimes[i]);
		memcpy(project, l.project, sizeof project);
		struct oci_spec s = live_spec(&l, args);
		assert_int_equal(live_create(&l, &s), 0);
		auto_free char *created = mounts_now();
		assert_string_equal(created, before);
		live_start(&l);
		struct oci_call c = live_call(&l, OCI_KILL);
		c.signal = "SIGKILL";
		live_must(&c);
		assert_int_equal(live_wait(&l), 137);
		auto_free char *text = live_output(&l);
		if (*text)
			assert_string_equal(text, "1 box out\nerr\n");
		live_delete(&l);
		assert_false(oci_complained(&c));
		live_close(&l);
		assert_no_cgroups(project);
		auto_free char *after = mounts_now();
		assert_string_equal(after, before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_life),
	};
	return cmocka_run_group_tests(tests, live_private_mounts, NULL);
}
