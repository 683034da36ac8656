/* Paths of cgroups on trees of plain files, since this machine has only one of the modes; and the real
 * thing of that one. */
#include "../../../../src/oci/cgroup.h"
#include "../../../../src/oci/host.h"
#include "live.h"

static char dir[64];
static int root = -1;

static int setup(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/davit-cgroup-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	close(root);
	return path_remove_tree(AT_FDCWD, dir, NULL);
}

static void put(const char *name, const char *text)
{
	int fd = openat(root, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static char *get(const char *name)
{
	struct buf b = BUF_INIT;
	assert_int_equal(path_read(root, name, 4096, &b, NULL), 0);
	return buf_take(&b);
}

static bool there(const char *name)
{
	return faccessat(root, name, F_OK, 0) == 0;
}

static void make(const char *name)
{
	assert_int_equal(path_mkdirs(root, name, 0755, NULL), 0);
}

static void test_v2_prepare(void **state)
{
	auto_err struct err err = ERR_INIT;
	put("cgroup.controllers", "cpuset cpu io memory pids\n");
	put("cgroup.subtree_control", "");
	put("cgroup.procs", "");
	make("davit");
	put("davit/cgroup.controllers", "cpu pids\n");
	put("davit/cgroup.subtree_control", "pids\n");
	ok(cgroup_prepare_at(root, CGROUP_V2, "shop", &err), err);
	assert_true(there("davit/shop"));
	/* each write replaces the plain file's text from its start; the last word written is the last
	 * controller of the list */
	auto_free char *top = get("cgroup.subtree_control"), *mid = get("davit/cgroup.subtree_control");
	assert_non_null(strstr(top, "+pids"));
	/* pids is on, memory not there: only cpu is asked for */
	assert_int_equal(strncmp(mid, "+cpu", 4), 0);
	assert_null(strstr(mid, "memory"));
	ok(cgroup_prepare_at(root, CGROUP_V2, "shop", &err), err);
}

static void test_v2_remove(void **state)
{
	auto_err struct err err = ERR_INIT;
	assert_int_equal(unlinkat(root, "davit/cgroup.controllers", 0), 0);
	assert_int_equal(unlinkat(root, "davit/cgroup.subtree_control", 0), 0);
	make("davit/shop/web-1/nested/deeper");
	make("davit/other");
	ok(cgroup_remove_at(root, CGROUP_V2, "shop", &err), err);
	assert_false(there("davit/shop"));
	assert_true(there("davit/other"));
	ok(cgroup_remove_at(root, CGROUP_V2, "shop", &err), err);
	ok(cgroup_remove_at(root, CGROUP_V2, "other", &err), err);
	assert_false(there("davit"));
}

static void test_v1_all_hierarchies(void **state)
{
	static const char *const names[] = {"memory", "pids", "cpu,cpuacct", "unified"};
	auto_err struct err err = ERR_INIT;
	make("not-a-hierarchy");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *procs = xasprintf("%s/cgroup.procs", names[i]);
		make(names[i]);
		put(procs, "");
	}
	assert_int_equal(symlinkat("cpu,cpuacct", root, "cpu"), 0);
	ok(cgroup_prepare_at(root, CGROUP_HYBRID, "shop", &err), err);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *path = xasprintf("%s/davit/shop", names[i]);
		assert_true(there(path));
	}
	assert_false(there("not-a-hierarchy/davit"));
	ok(cgroup_remove_at(root, CGROUP_HYBRID, "shop", &err), err);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *path = xasprintf("%s/davit", names[i]);
		assert_false(there(path));
	}
}

static void test_names_stay_inside(void **state)
{
	static const char *const bad[] = {"", ".", "..", "a/b", "../x"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_err struct err err = ERR_INIT, err2 = ERR_INIT;
		assert_int_equal(cgroup_prepare_at(root, CGROUP_V2, bad[i], &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_int_equal(cgroup_remove_at(root, CGROUP_V2, bad[i], &err2), -1);
	}
	static const char *const paths[] = {"", "/", "davit", "davit/", "davit//x", "davit/../..", "other/x"};
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		auto_err struct err err = ERR_INIT;
		assert_int_equal(cgroup_kill_at(root, CGROUP_V2, paths[i], &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

static void test_controllers(void **state)
{
	struct oci_host h = {0};
	put("cgroup.controllers", "cpuset cpu memory\n");
	put("cgroup.subtree_control", "memory\n");
	host_controllers_v2(root, &h);
	assert_true(h.memory && h.cpu && h.cpuset);
	assert_false(h.pids || h.io);
	/* not the true root, and with processes of its own: nothing more can be switched on */
	put("cgroup.type", "domain\n");
	put("cgroup.procs", "12\n");
	h = (struct oci_host){0};
	host_controllers_v2(root, &h);
	assert_true(h.memory);
	assert_false(h.cpu || h.cpuset);
	/* without processes it can */
	put("cgroup.procs", "");
	host_controllers_v2(root, &h);
	assert_true(h.cpu);
	assert_true(host_word_in("cpuset cpu", "cpu"));
	assert_false(host_word_in("cpuset", "cpu"));
}

static void test_kill_real(void **state)
{
	const char *const args[] = {
		"sh", "-c", "while :; do (sleep 1000 &) ; (sleep 1000 &); sleep 1000; done", NULL};
	static const char *const runtimes[] = {"crun", "runc"};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		auto_err struct err err = ERR_INIT, busy = ERR_INIT;
		live_open(&l, runtimes[i]);
		struct oci_spec s = live_spec(&l, args);
		assert_int_equal(live_create(&l, &s), 0);
		live_start(&l);
		if (oci_host()->mode != CGROUP_NONE) {
			assert_int_equal(cgroup_remove(l.project, &busy), -1);
			assert_int_equal(busy.kind, ERR_BUSY);
		}
		ok(cgroup_kill(l.cgroup, &err), err);
		assert_int_equal(live_wait(&l), 137);
		live_delete(&l);
		ok(cgroup_kill(l.cgroup, &err), err);
		live_close(&l);
	}
}

static void test_units(void **state)
{
	static const char in[] = "0::/system.slice/davit-shop.scope/supervisor\n";
	auto_free char *scope = cgroup_unit_in(in, "shop");
	auto_free char *service = cgroup_unit_in("0::/system.slice/davit-shop.service\n", "shop");
	auto_free char *other = cgroup_unit_in(in, "sho"), *longer = cgroup_unit_in(in, "shop-2");
	auto_free char *v1 = cgroup_unit_in("1:name=systemd:/system.slice/davit-shop.scope\n0::/\n", "shop");
	assert_string_equal(scope, "system.slice/davit-shop.scope");
	assert_string_equal(service, "system.slice/davit-shop.service");
	assert_null(other);
	assert_null(longer);
	assert_null(v1);
	assert_true(cgroup_is_ours("system.slice/davit-shop.scope/web-1"));
	assert_false(cgroup_is_ours("system.slice/davit-shop.scope"));
	assert_false(cgroup_is_ours("system.slice/davit-shop.scope/"));
	assert_false(cgroup_is_ours("system.slice/davit-shop.scope/supervisor"));
	assert_false(cgroup_is_ours("system.slice/ssh.service/web-1"));
}

static void test_slots_of_a_unit_are_removed(void **state)
{
	auto_err struct err err = ERR_INIT;
	make("system.slice/davit-shop.scope/web-1/nested");
	make("system.slice/davit-shop.scope/supervisor");
	make("system.slice/davit-shop.service/.control");
	make("system.slice/davit-other.scope/web-1");
	ok(cgroup_remove_at(root, CGROUP_V2, "shop", &err), err);
	assert_false(there("system.slice/davit-shop.scope/web-1"));
	assert_true(there("system.slice/davit-shop.scope/supervisor"));
	assert_true(there("system.slice/davit-shop.service/.control"));
	assert_true(there("system.slice/davit-other.scope/web-1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v2_prepare),
		cmocka_unit_test(test_v2_remove),
		cmocka_unit_test(test_v1_all_hierarchies),
		cmocka_unit_test(test_names_stay_inside),
		cmocka_unit_test(test_controllers),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_slots_of_a_unit_are_removed),
		cmocka_unit_test(test_kill_real),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
