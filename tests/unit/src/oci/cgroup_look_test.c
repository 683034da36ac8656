/* What cgroups use, on trees of plain files: this machine has only one of the modes. */
#include "../../../../src/oci/cgroup.h"
#include "live.h"

static char dir[64];
static int root = -1;

static int setup(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/davit-look-XXXXXX");
	root = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	return root < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	close(root);
	return path_remove_tree(AT_FDCWD, dir, NULL);
}

/* A file of the cgroup davit/shop/web-1 of a hierarchy ("": the only one), which becomes one. */
static void put(const char *hierarchy, const char *name, const char *text)
{
	auto_free char *base = xasprintf("%s%s", hierarchy, *hierarchy ? "/" : ""), *group = xasprintf("%sdavit/shop/web-1", base);
	auto_free char *procs = xasprintf("%scgroup.procs", base), *file = xasprintf("%s/%s", group, name);

	assert_int_equal(path_mkdirs(root, group, 0755, NULL), 0);
	assert_int_equal(path_write(root, procs, "", 0, 0644, 0, NULL), 0);
	assert_int_equal(path_write(root, file, text, strlen(text), 0644, 0, NULL), 0);
}

static void expect(const struct cgroup_usage *u)
{
	assert_true(u->found);
	assert_int_equal(u->cpu_ns, 1500000000);
	assert_int_equal(u->memory, 3000000);
	assert_int_equal(u->memory_limit, 67108864);
	assert_int_equal(u->io_read, 4096 + 8192);
	assert_int_equal(u->io_written, 100);
	assert_int_equal(u->pids, 3);
}

static void test_v2(void **state)
{
	struct cgroup_usage u;

	put("", "cpu.stat", "usage_usec 1500000\nuser_usec 1\nsystem_usec 2\n");
	put("", "memory.current", "5000000\n");
	put("", "memory.stat", "anon 3000000\nfile 2000000\ninactive_file 2000000\nactive_file 0\n");
	put("", "memory.max", "67108864\n");
	put("", "pids.current", "3\n");
	put("", "io.stat", "8:0 rbytes=4096 wbytes=100 rios=1 wios=1 dbytes=0 dios=0\n253:0 rbytes=8192 wbytes=0 rios=2 wios=0 dbytes=0 dios=0\n");
	cgroup_usage_at(root, CGROUP_V2, "davit/shop/web-1", &u);
	expect(&u);
	put("", "memory.max", "max\n");
	put("", "memory.current", "17\n");
	cgroup_usage_at(root, CGROUP_V2, "davit/shop/web-1", &u);
	assert_int_equal(u.memory_limit, 0);
	assert_int_equal(u.memory, 0);   /* counters are not read at one moment */
	cgroup_usage_at(root, CGROUP_V2, "davit/shop/none", &u);
	assert_false(u.found);
}

static void test_v1(void **state)
{
	struct cgroup_usage u;

	put("cpu,cpuacct", "cpuacct.usage", "1500000000\n");
	put("memory", "memory.usage_in_bytes", "5000000\n");
	put("memory", "memory.stat", "cache 1\ninactive_file 7\ntotal_inactive_file 2000000\n");
	put("memory", "memory.limit_in_bytes", "67108864\n");
	put("pids", "pids.current", "3\n");
	put("blkio", "blkio.throttle.io_service_bytes_recursive", "8:0 Read 4096\n8:0 Write 100\n8:0 Total 4196\n253:0 Read 8192\nTotal 12388\n");
	put("unified", "memory.stat", "inactive_file 4000000\n");
	assert_int_equal(symlinkat("cpu,cpuacct", root, "cpuacct"), 0);
	cgroup_usage_at(root, CGROUP_HYBRID, "davit/shop/web-1", &u);
	expect(&u);
	put("memory", "memory.limit_in_bytes", "9223372036854771712\n");
	cgroup_usage_at(root, CGROUP_V1, "davit/shop/web-1", &u);
	assert_int_equal(u.memory_limit, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_v2, setup, teardown),
		cmocka_unit_test_setup_teardown(test_v1, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
