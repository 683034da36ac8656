/* The commands that act, against a supervisor that says what a test tells it to: a forked child at the
 * other end of the real socket. The command line runs in a child, too, as it would in a shell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../../../src/cli/act.h"
#include "../../../../src/cli/cli.h"
#include "../../../../src/ctl/ctl.h"
#include "../../../../src/state/logfile.h"
#include "../../../../src/super/super.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/hash.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/version.h"
#include "../../../../src/util/path.h"

enum { DEADLINE_MS = 5000 };

struct room {
	char top[64];
	int top_fd, state_fd, run_fd, listen_fd;
	char *state, *run, *file;
};

/* The double of src/super's: the socket is there, or there is no supervisor. */
int super_connect(const struct dirs *d, const char *project, struct ctl **ret, struct err *err)
{
	struct pdirs p;
	int r;

	if (pdirs_open(d, project, false, &p, err) < 0)
		return -1;
	r = ctl_connect(p.run_fd, ret, err);
	pdirs_done(&p);
	return r;
}

/* ------------------------------------------------------------------ the room */

static void put(struct room *r, const char *name, const char *text)
{
	auto_free char *dir = xstrdup(name);
	char *slash = strrchr(dir, '/');

	if (slash) {
		*slash = 0;
		assert_int_equal(path_mkdirs(r->top_fd, dir, 0755, NULL), 0);
	}
	assert_int_equal(path_write(r->top_fd, name, text, strlen(text), 0644, 0, NULL), 0);
}

/* A blob and its digest. */
static void put_blob(struct room *r, const char *text, char digest[static HASH_HEX_LEN + 1])
{
	auto_free char *name = NULL;

	hash_sha256_hex(text, strlen(text), digest);
	name = xasprintf("state/images/blobs/sha256/%s", digest);
	put(r, name, text);
}

/* An image without layers: enough to be found. */
static void put_image(struct room *r, const char *ref)
{
	char config[HASH_HEX_LEN + 1], manifest[HASH_HEX_LEN + 1];
	auto_free char *text = NULL, *index = NULL;

	put_blob(r,
		 "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\","
		 "\"diff_ids\":[]}}",
		 config);
	text = xasprintf("{\"schemaVersion\":2,\"mediaType\":\"application/"
			 "vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":"
			 "\"application/"
			 "vnd.oci.image.config.v1+json\",\"digest\":\"sha256:%s\",\"size\":1},\"layers\":[]}",
			 config);
	put_blob(r, text, manifest);
	index = xasprintf("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/"
			  "vnd.oci.image.manifest.v1+json\","
			  "\"digest\":\"sha256:%s\",\"size\":%zu,\"annotations\":{\"org.opencontainers.image."
			  "ref.name\":\"%s\"}}]}",
			  manifest, strlen(text), ref);
	put(r, "state/images/index.json", index);
	put(r, "state/images/oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
}

static int set_up(void **state)
{
	struct room *r = xcalloc(1, sizeof *r);

	snprintf(r->top, sizeof r->top, "/tmp/davit-acts-XXXXXX");
	if (!mkdtemp(r->top))
		return -1;
	r->top_fd = open(r->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r->state = xasprintf("%s/state", r->top);
	r->run = xasprintf("%s/run", r->top);
	r->file = xasprintf("%s/compose.yaml", r->top);
	r->listen_fd = -1;
	if (path_open_dir(r->top_fd, "state/projects/demo", 0700, &r->state_fd, NULL) < 0 ||
	    path_open_dir(r->top_fd, "run/projects/demo", 0700, &r->run_fd, NULL) < 0)
		return -1;
	put(r, "compose.yaml",
	    "services:\n"
	    "  web:\n"
	    "    image: busybox\n"
	    "    command: [sleep, \"9\"]\n"
	    "    ports:\n"
	    "      - \"8080:80\"\n");
	*state = r;
	return ctl_listen(r->run_fd, &r->listen_fd, NULL);
}

static int tear_down(void **state)
{
	struct room *r = *state;
	int ret = path_remove_tree(AT_FDCWD, r->top, NULL);

	close(r->listen_fd);
	close(r->top_fd);
	close(r->state_fd);
	close(r->run_fd);
	free(r->state);
	free(r->run);
	free(r->file);
	free(r);
	return ret;
}

/* ------------------------------------------------------------------ the supervisor's end */

/* Writes the slot's record: its state and, when it has ended, how. */
static void record(struct room *r, const char *state, int exit_code)
{
	struct journal *j = NULL;
	auto_json json_t *unit = json_pack("{s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:i}", "slot", "web-1", "service",
					   "web", "index", 1, "id", "0123456789abcdef", "name", "demo-web-1",
					   "image", "busybox", "state", state, "exit_code", exit_code);

	if (journal_open(r->state_fd, &j, NULL) < 0 || journal_append(j, "unit", unit, NULL) < 0)
		abort();
	journal_close(j);
}

static void prints(struct room *r, const char *text)
{
	struct logw *w = NULL;
	auto_close int logs_fd = -1;
	int ends[2];

	if (path_open_dir(r->state_fd, "logs", 0700, &logs_fd, NULL) < 0 ||
	    pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 || write(ends[1], text, strlen(text)) < 0)
		abort();
	close(ends[1]);
	if (logw_open(logs_fd, "web-1", NULL, &w, NULL) < 0)
		abort();
	while (logw_move(w, ends[0], 1, NULL) == 1)
		;
	logw_close(w);
	close(ends[0]);
}

/* The next request, whose connection is *ret_fd; NULL after the deadline. */
static json_t *next_request(struct room *r, int *ret_fd)
{
	struct pollfd p = { .fd = r->listen_fd, .events = POLLIN };
	struct ctl_in in = { 0 };
	json_t *req = NULL;

	if (poll(&p, 1, DEADLINE_MS) != 1 || ctl_accept(r->listen_fd, ret_fd, NULL) != 1)
		return NULL;
	p.fd = *ret_fd;
	while (ctl_parse(&in, &req, NULL) == 0)
		if (poll(&p, 1, DEADLINE_MS) != 1 || ctl_fill(&in, *ret_fd, NULL) != 1)
			break;
	ctl_in_done(&in);
	return req;
}

/* Waits for a request of this kind, which is returned, and aborts the child when another one comes. */
static json_t *expect(struct room *r, const char *op, int *ret_fd)
{
	json_t *req = next_request(r, ret_fd);

	if (!req || !str_eq(jx_str(req, "op"), op))
		abort();
	return req;
}

static void say(int fd, const char *text)
{
	auto_json json_t *event = NULL;
	auto_free char *frame = NULL;
	size_t n;

	if (jx_parse(text, strlen(text), &event, NULL) < 0)
		abort();
	frame = ctl_frame(event, &n);
	if (write(fd, frame, n) != (ssize_t)n)
		abort();
}

static pid_t fork_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static int reap(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The script of a test's supervisor runs in a child; its exit status says whether it saw what it should. */
typedef void script_fn(struct room *r);
static pid_t supervisor(struct room *r, script_fn *script)
{
	pid_t pid = fork_child();

	if (pid == 0) {
		script(r);
		_exit(0);
	}
	return pid;
}

/* ------------------------------------------------------------------ the command line's end */

struct result {
	int out, err, status;            /* memfds */
	pid_t pid;
};

/* words: separated by blanks, behind `davit` and the options for the room. */
static struct result start(struct room *r, const char *words)
{
	struct result ret = { .out = memfd_create("out", MFD_CLOEXEC),
			      .err = memfd_create("err", MFD_CLOEXEC) };
	auto_free char *line = xasprintf("davit --state-dir %s --run-dir %s -p demo -f %s %s", r->state,
					 r->run, r->file, words);
	char *argv[32] = { 0 }, *save = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	ret.pid = fork_child();
	if (ret.pid == 0) {
		if (chdir(r->top) < 0)
			abort();
		dup2(ret.out, STDOUT_FILENO);
		dup2(ret.err, STDERR_FILENO);
		_exit(cli_main(n, argv));
	}
	return ret;
}

static char *text_of(int fd)
{
	off_t n = lseek(fd, 0, SEEK_END);
	char *text = xcalloc(1, (size_t)n + 1);

	assert_int_equal(pread(fd, text, (size_t)n, 0), n);
	return text;
}

static void assert_says(struct result *ret, int status, const char *out, const char *err)
{
	auto_free char *got_out = NULL, *got_err = NULL;

	ret->status = reap(ret->pid);
	got_out = text_of(ret->out);
	got_err = text_of(ret->err);
	close(ret->out);
	close(ret->err);
	assert_string_equal(got_err, err);
	assert_string_equal(got_out, out);
	assert_int_equal(ret->status, status);
}

static void wait_for_text(int fd, const char *what)
{
	int64_t end = clock_mono_ns() + DEADLINE_MS * MS_NS;

	for (;;) {
		auto_free char *text = text_of(fd);

		if (strstr(text, what))
			return;
		assert_true(clock_mono_ns() < end);
		poll(NULL, 0, 5);
	}
}

/* ------------------------------------------------------------------ requests with a few fields */

static void stop_script(struct room *r)
{
	int fd;
	auto_json json_t *req = expect(r, "stop", &fd);

	if (jx_int(req, "timeout_s", -1) != 3 || jx_int(req, "v", 0) != davit_version.wire ||
	    !str_eq(json_string_value(json_array_get(jx_arr(req, "services"), 0)), "web"))
		abort();
	say(fd, "{\"ev\":\"step\",\"kind\":\"container\",\"name\":\"demo-web-1\",\"service\":\"web\","
		"\"status\":\"Stopping\"}");
	say(fd, "{\"ev\":\"warn\",\"msg\":\"slow\",\"service\":\"web\"}");
	say(fd, "{\"ev\":\"step\",\"kind\":\"container\",\"name\":\"demo-web-1\",\"service\":\"web\","
		"\"status\":\"Stopped\"}");
	say(fd, "{\"ev\":\"done\"}");
}

static void asks_and_shows_steps(void **state)
{
	struct room *r = *state;
	struct result ret;
	pid_t pid;

	record(r, "running", -1);
	pid = supervisor(r, stop_script);
	ret = start(r, "stop -t 3 web");
	assert_says(&ret, 0, "",
		    " Container demo-web-1  Stopping\n"
		    "davit: warning: service 'web': slow\n"
		    " Container demo-web-1  Stopped\n");
	assert_int_equal(reap(pid), 0);
}

static void needs_no_supervisor_for_nothing(void **state)
{
	struct room *r = *state;
	struct result ret = start(r, "stop");

	assert_says(&ret, 0, "", "davit: warning: project 'demo' has no container to stop\n");
	ret = start(r, "restart");
	assert_says(&ret, 0, "", "davit: warning: project 'demo' has no container to restart\n");
	ret = start(r, "start");
	assert_says(&ret, 1, "", "davit: error: project \"demo\" has no container to start\n"
				 "  hint: 'davit up -d' creates and starts them\n");
	ret = start(r, "rm -f");
	assert_says(&ret, 0, "", "No stopped containers\n");
	ret = start(r, "-p other down -v");
	assert_says(&ret, 0, "", "davit: warning: No resource found to remove for project \"other\".\n");
}

static void knows_the_services(void **state)
{
	struct room *r = *state;
	struct result ret;

	record(r, "stopped", 0);
	ret = start(r, "stop wbe");
	assert_says(&ret, 1, "", "davit: error: no such service: 'wbe'\n  hint: did you mean 'web'?\n");
}

static void vanish_script(struct room *r)
{
	for (int i = 0; i < 2; i++) {
		int fd;

		json_decref(expect(r, "kill", &fd));
		if (i == 1)
			say(fd, "{\"ev\":\"done\"}");
		close(fd);
	}
}

static void asks_again_when_the_supervisor_vanishes(void **state)
{
	struct room *r = *state;
	struct result ret;
	pid_t pid;

	record(r, "running", -1);
	pid = supervisor(r, vanish_script);
	ret = start(r, "kill");
	assert_says(&ret, 0, "", "");
	assert_int_equal(reap(pid), 0);
}

/* ------------------------------------------------------------------ up */

static void fail_script(struct room *r)
{
	int fd;
	auto_json json_t *req = expect(r, "up", &fd);

	if (!jx_obj(req, "model") || !jx_bool(req, "force_recreate", false) || jx_bool(req, "wait", true))
		abort();
	say(fd, "{\"ev\":\"error\",\"kind\":\"cmd-not-found\",\"msg\":\"command 'sleep' does not exist in "
		"the image\",\"hint\":\"look\","
		"\"service\":\"web\",\"attr\":\"command\"}");
}

static void says_where_the_file_is_wrong(void **state)
{
	struct room *r = *state;
	struct result ret;
	pid_t pid;

	put_image(r, "docker.io/library/busybox:latest");
	pid = supervisor(r, fail_script);
	ret = start(r, "up -d --force-recreate");
	assert_says(&ret, 127, "",
		    "compose.yaml:4:14: error: service 'web': command 'sleep' does not exist in the image\n"
		    "    4 |     command: [sleep, \"9\"]\n"
		    "      |              ^\n"
		    "  hint: look\n");
	assert_int_equal(reap(pid), 0);
}

static void misses_images_before_it_asks(void **state)
{
	struct room *r = *state;
	struct result ret = start(r, "up -d --pull never");
	auto_free char *err = NULL;

	assert_int_equal(reap(ret.pid), 1);
	err = text_of(ret.err);
	assert_true(str_starts(
		err, "compose.yaml:3:12: error: service 'web': image 'busybox' is not in davit's store, and it may not be pulled\n"));
	close(ret.out);
	close(ret.err);
}

static void refuses_what_does_not_go_together(void **state)
{
	static const struct { const char *words, *err;
	} rows[] = {
		{ "up --force-recreate --no-recreate",
		  "davit: error: --force-recreate and --no-recreate are incompatible\n" },
		{ "up -d --abort-on-container-exit",
		  "davit: error: --detach and --abort-on-container-exit are incompatible\n" },
		{ "up --exit-code-from db",
		  "davit: error: flag '--exit-code-from': no such service: 'db'\n" },
		{ "up --scale web=x",
		  "davit: error: 'scale' takes SERVICE=N (0-1000), not 'web=x'\n" },
		{ "up --build --no-build", "davit: error: --build and --no-build are incompatible\n" },
	};
	struct room *r = *state;

	put_image(r, "docker.io/library/busybox:latest");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct result ret = start(r, rows[i].words);

		assert_says(&ret, 1, "", rows[i].err);
	}
}

static void attached_script(struct room *r)
{
	int sub, up;

	json_decref(expect(r, "subscribe", &sub));
	json_decref(expect(r, "up", &up));
	record(r, "running", -1);
	prints(r, "hello\n");
	say(up, "{\"ev\":\"step\",\"kind\":\"container\",\"name\":\"demo-web-1\",\"status\":\"Started\"}");
	say(up, "{\"ev\":\"done\"}");
	prints(r, "bye");
	record(r, "deleting", 3);
	say(sub, "{\"ev\":\"unit\",\"what\":\"die\",\"unit\":{\"slot\":\"web-1\",\"service\":\"web\","
		 "\"index\":1,\"name\":\"demo-web-1\","
		 "\"state\":\"deleting\",\"exit_code\":3}}");
	record(r, "stopped", 3);
}

static void stays_until_all_have_stopped(void **state)
{
	struct room *r = *state;
	struct result ret;
	pid_t pid;

	put_image(r, "docker.io/library/busybox:latest");
	pid = supervisor(r, attached_script);
	ret = start(r, "up");
	assert_says(&ret, 0, "Attaching to web-1\nweb-1  | hello\nweb-1  | bye\nweb-1 exited with code 3\n",
		    " Container demo-web-1  Started\n");
	assert_int_equal(reap(pid), 0);
}

static void abort_script(struct room *r)
{
	int sub, up, stop;

	json_decref(expect(r, "subscribe", &sub));
	json_decref(expect(r, "up", &up));
	record(r, "running", -1);
	say(up, "{\"ev\":\"done\"}");
	say(sub, "{\"ev\":\"unit\",\"what\":\"die\",\"unit\":{\"slot\":\"web-1\",\"service\":\"web\","
		 "\"index\":1,\"name\":\"demo-web-1\","
		 "\"state\":\"deleting\",\"exit_code\":3}}");
	json_decref(expect(r, "stop", &stop));
	record(r, "stopped", 3);
	say(stop, "{\"ev\":\"done\"}");
}

static void gives_the_status_of_a_service(void **state)
{
	struct room *r = *state;
	struct result ret;
	pid_t pid;

	put_image(r, "docker.io/library/busybox:latest");
	pid = supervisor(r, abort_script);
	ret = start(r, "up --exit-code-from web");
	assert_says(&ret, 3, "Attaching to web-1\nweb-1 exited with code 3\n",
		    "Aborting on container exit...\n");
	assert_int_equal(reap(pid), 0);
}

static void interrupt_script(struct room *r)
{
	int sub, up, stop, kill_fd;

	json_decref(expect(r, "subscribe", &sub));
	json_decref(expect(r, "up", &up));
	record(r, "running", -1);
	say(up, "{\"ev\":\"done\"}");
	json_decref(expect(r, "stop", &stop));
	auto_json json_t *req = expect(r, "kill", &kill_fd);
	if (!str_eq(jx_str(req, "signal"), "SIGKILL"))
		abort();
	say(kill_fd, "{\"ev\":\"done\"}");
	record(r, "stopped", 137);
	say(stop, "{\"ev\":\"done\"}");
}

static void stops_and_kills_when_interrupted(void **state)
{
	struct room *r = *state;
	struct result ret;
	pid_t pid;

	put_image(r, "docker.io/library/busybox:latest");
	pid = supervisor(r, interrupt_script);
	ret = start(r, "up");
	wait_for_text(ret.out, "Attaching to web-1\n");
	kill(ret.pid, SIGINT);
	wait_for_text(ret.err, "Gracefully Stopping... press Ctrl+C again to force\n");
	kill(ret.pid, SIGINT);
	assert_says(&ret, 130, "Attaching to web-1\n",
		    "Gracefully Stopping... press Ctrl+C again to force\nKilling...\n");
	assert_int_equal(reap(pid), 0);
}

/* ------------------------------------------------------------------ looking needs nobody */

static void follows_until_the_end(void **state)
{
	struct room *r = *state;
	struct result ret;

	record(r, "running", -1);
	prints(r, "one\ntwo\n");
	ret = start(r, "logs -f --tail 1 web");
	wait_for_text(ret.out, "web-1  | two\n");
	prints(r, "three\n");
	wait_for_text(ret.out, "web-1  | three\n");
	prints(r, "four");
	record(r, "stopped", 0);
	assert_says(&ret, 0, "web-1  | two\nweb-1  | three\nweb-1  | four\n", "");
}

static void lists_what_there_is(void **state)
{
	struct room *r = *state;
	struct result ret;

	record(r, "stopped", 3);
	ret = start(r, "ps");
	assert_says(&ret, 0, "NAME      IMAGE     COMMAND   SERVICE   CREATED   STATUS    PORTS\n", "");
	ret = start(r, "ps -aq");
	assert_says(&ret, 0, "0123456789abcdef\n", "");
	ret = start(r, "ps --status created --services");
	assert_says(&ret, 0, "web\n", "");
	ret = start(r, "ps --status runing");
	assert_says(&ret, 1, "",
		    "davit: error: flag '--status' takes created, running, paused, restarting, removing, exited or dead, not 'runing'\n"
		    "  hint: did you mean 'running'?\n");
	ret = start(r, "ps --filter status=nonsense");
	assert_says(
		&ret, 1, "",
		"davit: error: unknown status 'nonsense' (created, running, paused, restarting, removing, exited)\n");
	ret = start(r, "ls -a");
	assert_says(&ret, 0,
		    "NAME                STATUS              CONFIG FILES\ndemo                created(1)    "
		    "      \n",
		    "");
	ret = start(r, "exec web true");
	assert_says(&ret, 1, "", "davit: error: service \"web\" is not running\n"
				 "  hint: 'davit ps -a' shows why; 'davit up -d web' starts it\n");
	ret = start(r, "--help up extra");
	assert_int_equal(reap(ret.pid), 0);
}

static void gives_up_when_supervisors_go_away_in_a_row(void **state)
{
	struct act_tries t = { 0 };
	int64_t now = 5 * MS_NS;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < ACT_TRIES; i++)
			assert_true(act_again(&t, now += ACT_CALM_MS * MS_NS / 2));
		assert_false(act_again(&t, now));
		now += (ACT_CALM_MS + 1) * MS_NS;         /* it went well for long: they count no more */
	}
}

#define IN_ROOM(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_ROOM(asks_and_shows_steps),		IN_ROOM(needs_no_supervisor_for_nothing),
		IN_ROOM(knows_the_services),		IN_ROOM(asks_again_when_the_supervisor_vanishes),
		IN_ROOM(says_where_the_file_is_wrong),	IN_ROOM(misses_images_before_it_asks),
		IN_ROOM(refuses_what_does_not_go_together), IN_ROOM(stays_until_all_have_stopped),
		IN_ROOM(gives_the_status_of_a_service), IN_ROOM(stops_and_kills_when_interrupted),
		IN_ROOM(follows_until_the_end),		IN_ROOM(lists_what_there_is),
		cmocka_unit_test(gives_up_when_supervisors_go_away_in_a_row),
	};

	unsetenv("NO_COLOR");
	unsetenv("DAVIT_DEBUG");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
