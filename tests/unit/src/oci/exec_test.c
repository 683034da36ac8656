/* Commands in a running container: exit statuses, changes to the process, terminals. With both runtimes. */
#include <pty.h>
#include <termios.h>

#include "../../../../src/oci/lookup.h"
#include "../../../../src/oci/program.h"
#include "live.h"

static const char *const runtimes[] = {"crun", "runc"};

/* Writes process.json and runs it detached from any terminal; output goes to *ret_text. The status of the
 * runtime. */
static int run_exec(struct live *l, const struct oci_exec *x, char **ret_text)
{
	auto_err struct err err = ERR_INIT;
	auto_free char *process = xasprintf("%s/exec.json", l->bundle);
	int p[2];
	ok(oci_process_write(l->bundle_fd, "exec.json", x, &err), err);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	struct oci_call c = live_call(l, OCI_EXEC);
	c.process_file = process;
	c.pid_file = NULL;
	c.stdio[1] = c.stdio[2] = p[1];
	int status = live_run(&c);
	close(p[1]);
	int keep = l->out;
	l->out = p[0];
	*ret_text = live_output(l);
	l->out = keep;
	return status;
}

static void container(struct live *l, const char *runtime, const char *const *args)
{
	live_open(l, runtime);
	struct oci_spec s = live_spec(l, args);
	assert_int_equal(live_create(l, &s), 0);
	live_start(l);
}

static void stop(struct live *l)
{
	live_kill(l);
	live_delete(l);
	live_close(l);
}

static const char *const sleeper[] = {"sleep", "1000", NULL};

static void test_changes_to_process(void **state)
{
	const char *const args[] = {
		"sh", "-c", "echo $A ${B-gone} $HOME $PATH; echo $PWD $(id -u) $(id -G); exit 7", NULL};
	const char *const env[] = {"B=b", "A=a b", "HOME=/etc", "B", "NEVER_SET", NULL};
	const unsigned groups[] = {5, 6};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		auto_free char *text = NULL;
		container(&l, runtimes[i], sleeper);
		struct oci_exec x = {.args = args,
			.env_add = env,
			.cwd = "/etc",
			.user_set = true,
			.uid = 33,
			.gid = 44,
			.groups = groups,
			.n_groups = 2};
		assert_int_equal(run_exec(&l, &x, &text), 7);
		assert_string_equal(text, "a b gone /etc /bin:/sbin\n/etc 33 44 5 6\n");
		struct oci_call c = live_call(&l, OCI_EXEC);
		assert_false(oci_complained(&c));
		stop(&l);
	}
}

static void test_privileged(void **state)
{
	const char *const args[] = {"grep", "CapBnd", "/proc/self/status", NULL};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		auto_free char *text = NULL, *priv = NULL;
		container(&l, runtimes[i], sleeper);
		struct oci_exec x = {.args = args};
		assert_int_equal(run_exec(&l, &x, &text), 0);
		assert_string_equal(text, "CapBnd:\t00000000a80425fb\n");
		x.privileged = true;
		assert_int_equal(run_exec(&l, &x, &priv), 0);
		assert_string_not_equal(priv, text);
		stop(&l);
	}
}

/* What cannot run: lookup_command() says it before anybody is asked. How it is said when it went behind that look: runc, and crun since 1.21,
 * leave what only execve finds to the container's own error output. */
static void test_commands_that_cannot_run(void **state)
{
	static const struct {
		const char *cmd;
		enum err_kind kind;
		bool crun_only;
		const char *text;
	} cases[] = {
		{"nope", ERR_CMD_NOT_FOUND, false, "command 'nope' does not exist in the image"},
		{"/bin/nope", ERR_CMD_NOT_FOUND, false, "command '/bin/nope' does not exist in the image"},
		{"/bin/plain/x", ERR_CMD_NOT_FOUND, false,
			"command '/bin/plain/x' does not exist in the image"},
		{"/etc", ERR_CMD_NOT_EXEC, false, "command '/etc' is not executable"},
		{"/bin/plain", ERR_CMD_NOT_EXEC, false, "command '/bin/plain' is not executable"},
		{"/bin/script", ERR_CMD_NOT_FOUND, true,
			"command '/bin/script' cannot run: the interpreter or loader it names does not exist "
			"in the image"},
		{"/bin/alien", ERR_CMD_NOT_EXEC, true,
			"command '/bin/alien' is no program for this machine (another architecture, or no "
			"'#!' line)"},
	};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		container(&l, runtimes[i], sleeper);
		assert_int_equal(path_write(l.dir_fd, "rootfs/bin/plain", "x", 1, 0644, 0, NULL), 0);
		assert_int_equal(
			path_write(l.dir_fd, "rootfs/bin/script", "#!/bin/bash\n", 12, 0755, 0, NULL), 0);
		assert_int_equal(
			path_write(l.dir_fd, "rootfs/bin/alien", "\177ELF\1\1\1", 7, 0755, 0, NULL), 0);
		for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
			auto_err struct err err = ERR_INIT;
			auto_free char *text = NULL, *process = xasprintf("%s/exec.json", l.bundle);
			const char *const args[] = {cases[k].cmd, NULL};
			struct oci_exec x = {.args = args};
			int status = run_exec(&l, &x, &text);
			auto_json json_t *asked = NULL;
			ok(jx_load(l.bundle_fd, "exec.json", 64 << 10, &asked, &err), err);
			auto_close int root_fd = openat(l.dir_fd, "rootfs", O_PATH | O_DIRECTORY | O_CLOEXEC);
			auto_err struct err before = ERR_INIT;
			if (!cases[k].crun_only || !program_emulators()) {
				assert_int_equal(lookup_command(root_fd, asked, &before), -1);
				assert_int_equal(before.kind, cases[k].kind);
			}
			struct oci_call c = live_call(&l, OCI_EXEC);
			c.process_file = process;
			assert_int_not_equal(status, 0);
			if (cases[k].crun_only && i == 1)
				continue;
			if (cases[k].crun_only && !oci_complained(&c)) {     /* crun 1.21 leaves that to the process */
				assert_non_null(strstr(text, "exec: "));
				continue;
			}
			assert_true(oci_complained(&c));
			assert_int_equal(oci_failure(&c, status, &err), -1);
			assert_string_equal(err_msg(&err), cases[k].text);
			assert_int_equal(err.kind, cases[k].kind);
		}
		stop(&l);
	}
}

/* --- terminals --- */

/* A forked child that becomes `exec` on a terminal of its own; the master's descriptor. */
static pid_t exec_on_terminal(struct live *l, const char *process, int *ret_master)
{
	struct winsize ws = {.ws_row = 33, .ws_col = 77};
	fflush(NULL);
	pid_t pid = forkpty(ret_master, NULL, NULL, &ws);
	assert_true(pid >= 0);
	if (pid == 0) {
		struct err err = ERR_INIT;
		struct oci_call c = live_call(l, OCI_EXEC);
		c.process_file = process;
		c.pid_file = NULL;
		oci_exec_here(&c, &err);
		dprintf(2, "%s\n", err_msg(&err));
		_exit(99);
	}
	return pid;
}

/* Reads from the terminal until the text comes; fails when it does not. */
static void await(int master, struct buf *b, const char *text)
{
	int64_t end = clock_mono_ns() + DEADLINE_MS * MS_NS;
	while (!b->p || !strstr(b->p, text)) {
		struct pollfd p = {.fd = master, .events = POLLIN};
		char chunk[512];
		assert_true(clock_mono_ns() < end);
		if (poll(&p, 1, 1000) <= 0)
			continue;
		ssize_t n = read(master, chunk, sizeof chunk);
		if (n <= 0)
			fail_msg("no '%s' in: %s", text, b->p ? b->p : "");
		buf_add(b, chunk, (size_t)n);
	}
	buf_consume(b, b->len);
}

/* A shell that is interrupted right before it reads goes on reading; one that waits does not. What it waits for has nothing to do with the
 * terminal: the kernel drops what nobody has read yet when the leader goes and somebody still has it. */
static void test_terminal(void **state)
{
	const char *const args[] = {"sh", "-c",
		"tty; stty size; trap 'echo interrupted; exit 9' INT; echo ready;"
		"sleep 1000 </dev/null >/dev/null 2>&1 & read x; echo got $x; while :; do wait; done",
		NULL};
	for (size_t i = 0; i < ARRAY_LEN(runtimes); i++) {
		struct live l;
		auto_err struct err err = ERR_INIT;
		auto_buf struct buf b = BUF_INIT;
		int master, status;
		container(&l, runtimes[i], sleeper);
		auto_free char *process = xasprintf("%s/exec.json", l.bundle);
		struct oci_exec x = {.args = args, .tty = true};
		ok(oci_process_write(l.bundle_fd, "exec.json", &x, &err), err);
		pid_t pid = exec_on_terminal(&l, process, &master);
		await(master, &b, "ready");
		assert_int_equal(write(master, "hello\r", 6), 6);
		await(master, &b, "got hello");
		assert_int_equal(write(master, "\003", 1), 1);
		await(master, &b, "interrupted");
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), 9);
		close(master);
		stop(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_to_process),
		cmocka_unit_test(test_privileged),
		cmocka_unit_test(test_commands_that_cannot_run),
		cmocka_unit_test(test_terminal),
	};
	return cmocka_run_group_tests(tests, live_private_mounts, NULL);
}
