/* Real containers through both runtimes, on whatever cgroups this machine has. */
#include "live.h"

static const char *const runtimes[] = {"crun", "runc"};

static char *mounts_now(void)
{
	struct buf b = BUF_INIT;
	assert_int_equal(path_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &b, NULL), 0);
	return buf_take(&b);
}

/* No hierarchy has the project's cgroup any more. */
static void assert_no_cgroups(const char *project)
{
	static const char *const where[] = {"", "memory/", "pids/", "cpu/", "cpuset/", "devices/", "freezer/",
		"blkio/", "systemd/", "unified/"};
	for (size_t i = 0; i < ARRAY_LEN(where); i++) {
		auto_free char *path = xasprintf("/sys/fs/cgroup/%sdavit/%s", where[i], project);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static void test_whole_life(void **state)
{
	const char *const args[] = {
		"sh", "-c", "echo $$ $(hostname) out; echo err >&2; exec sleep 1000", NULL};
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

/* What `create` says of a command that cannot run. */
static void test_create_fails(void **state)
{
	static const struct {
		const char *cmd;
		enum err_kind kind;
		const char *text;
	} cases[] = {
		{"nope", ERR_CMD_NOT_FOUND, "command 'nope' does not exist in the image"},
		{"/bin/nope", ERR_CMD_NOT_FOUND, "command '/bin/nope' does not exist in the image"},
		{"/etc", ERR_CMD_NOT_EXEC, "command '/etc' is not executable"},
		{"/bin/plain", ERR_CMD_NOT_EXEC, "command '/bin/plain' is not executable"},
	};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		assert_int_equal(path_write(l.dir_fd, "rootfs/bin/plain", "x", 1, 0644, 0, NULL), 0);
		for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
			auto_err struct err err = ERR_INIT;
			const char *const args[] = {cases[k].cmd, NULL};
			struct oci_spec s = live_spec(&l, args);
			struct oci_call c = live_call(&l, OCI_CREATE);
			int status = live_create(&l, &s);
			assert_int_not_equal(status, 0);
			close(l.out);
			l.out = -1;
			assert_int_equal(oci_failure(&c, status, &err), -1);
			assert_string_equal(err_msg(&err), cases[k].text);
			assert_int_equal(err.kind, cases[k].kind);
		}
		live_close(&l);
	}
}

/* Only execve finds out that the interpreter is missing: `start` succeeds, the container ends at once. */
static void test_missing_interpreter(void **state)
{
	const char *const args[] = {"/bin/script", NULL};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		assert_int_equal(
			path_write(l.dir_fd, "rootfs/bin/script", "#!/bin/bash\n", 12, 0755, 0, NULL), 0);
		struct oci_spec s = live_spec(&l, args);
		assert_int_equal(live_create(&l, &s), 0);
		auto_free char *other = xasprintf("%s/log2", l.dir);
		struct oci_call start = live_call(&l, OCI_START);
		start.log_file = other;
		assert_int_equal(live_run(&start), 0);
		auto_free char *text = live_output(&l);
		assert_int_equal(live_wait(&l), 1);
		/* said where the container's own errors are, by both */
		assert_non_null(strcasestr(text, "/bin/script"));
		assert_non_null(strcasestr(text, "no such file or directory"));
		live_delete(&l);
		live_close(&l);
	}
}

static void test_what_is_not_there(void **state)
{
	static const enum oci_verb verbs[] = {OCI_START, OCI_KILL, OCI_EXEC};
	const char *const args[] = {"true", NULL};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		live_open(&l, runtimes[i]);
		auto_free char *process = xasprintf("%s/config.json", l.bundle);
		struct oci_spec s = live_spec(&l, args);
		assert_int_equal(oci_bundle_write(l.bundle_fd, &s, l.warnings, NULL), 0);
		for (size_t k = 0; k < ARRAY_LEN(verbs); k++) {
			auto_err struct err err = ERR_INIT;
			struct oci_call c = live_call(&l, verbs[k]);
			c.process_file = process;
			int status = live_run(&c);
			assert_int_not_equal(status, 0);
			oci_failure(&c, status, &err);
			assert_int_equal(err.kind, ERR_NOT_FOUND);
			assert_non_null(strstr(err_msg(&err), "does not exist or does not run"));
		}
		struct oci_call c = live_call(&l, OCI_DELETE);
		c.force = true;
		assert_int_equal(live_run(&c), 0);
		live_close(&l);
	}
}

/* The runtime's own failure, and one that left no words. */
static void test_failure_texts(void **state)
{
	static const struct {
		const char *log, *text;
		enum err_kind kind;
	} cases[] = {
		{"", "crun create failed with status 3 and without a word", ERR_FAIL},
		{"not json\n{\"level\":\"error\"}\n", "crun create failed with status 3 and without a word",
			ERR_FAIL},
		{"{\"level\":\"warning\",\"msg\":\"w\"}\n",
			"crun create failed with status 3 and without a word", ERR_FAIL},
		{"{\"level\":\"error\",\"msg\":\"a\"}\n{\"level\":\"error\",\"msg\":\"mount `x`:\\n "
		 "denied\\n\"}\n{\"level\":\"warning\","
		 "\"msg\":\"w\"}\n",
			"crun create: mount `x`:  denied", ERR_FAIL},
		{"{\"level\":\"error\",\"msg\":\"runc create failed: unable to start container process: "
		 "error during container init: no:"
		 " unknown\"}",
			"crun create: no", ERR_FAIL},
		{"{\"level\":\"error\",\"msg\":\"exec /x: exec format error\"}",
			"command 'cmd' is no program for this machine (another architecture, or no '#!' "
			"line)",
			ERR_CMD_NOT_EXEC},
	};
	const char *const args[] = {"cmd", NULL};
	struct live l;
	live_open(&l, "crun");
	struct oci_spec s = live_spec(&l, args);
	s.init = false;
	assert_int_equal(oci_bundle_write(l.bundle_fd, &s, l.warnings, NULL), 0);
	struct oci_call c = live_call(&l, OCI_CREATE);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_err struct err err = ERR_INIT;
		assert_int_equal(
			path_write(l.dir_fd, "log", cases[i].log, strlen(cases[i].log), 0600, 0, NULL), 0);
		assert_int_equal(oci_failure(&c, 3, &err), -1);
		assert_string_equal(err_msg(&err), cases[i].text);
		assert_int_equal(err.kind, cases[i].kind);
	}
	live_close(&l);
}

static void test_find(void **state)
{
	auto_err struct err err = ERR_INIT;
	struct oci_runtime r = {0};
	ok(oci_runtime_find("runc", &r, &err), err);
	assert_string_equal(r.name, "runc");
	assert_true(*r.path == '/');
	oci_runtime_done(&r);
	ok(oci_runtime_find("io.containerd.runc.v2", &r, &err), err);
	assert_string_equal(r.name, "runc");
	oci_runtime_done(&r);
	assert_int_equal(oci_runtime_find("no-such-runtime", &r, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_string_equal(err_msg(&err), "OCI runtime 'no-such-runtime' not found");
	assert_non_null(err.hint);
	static const char *const bad[] = {"../bin/sh", "/etc", "/etc/passwd", "/not/there"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(oci_runtime_find(bad[i], &r, NULL), -1);
	ok(setenv("DAVIT_RUNTIME", "/usr/sbin/../sbin/runc", 1), err);
	err_done(&err);
	ok(oci_runtime_find(NULL, &r, &err), err);
	assert_string_equal(r.name, "runc");
	oci_runtime_done(&r);
	unsetenv("DAVIT_RUNTIME");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_life),
		cmocka_unit_test(test_create_fails),
		cmocka_unit_test(test_missing_interpreter),
		cmocka_unit_test(test_what_is_not_there),
		cmocka_unit_test(test_failure_texts),
		cmocka_unit_test(test_find),
	};
	return cmocka_run_group_tests(tests, live_private_mounts, NULL);
}
