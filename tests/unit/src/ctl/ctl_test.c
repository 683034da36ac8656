#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../../../../src/ctl/ctl.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/version.h"
#include "../util/scratch.h"

enum { SOON_MS = 10000 };

static json_t *message(int n)
{
	json_t *j = json_object();

	jx_set_int(j, "n", n);
	return j;
}

/* Puts bytes where ctl_fill() would. */
static void arrive(struct ctl_in *in, const void *data, size_t n)
{
	int p[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	assert_int_equal(write(p[0], data, n), n);
	assert_int_equal(ctl_fill(in, p[1], NULL), 1);
	close(p[0]);
	close(p[1]);
}

static void byte_by_byte(void **state)
{
	auto_json json_t *j = message(42), *back = NULL;
	struct ctl_in in = { 0 };
	size_t len;
	auto_free char *frame = ctl_frame(j, &len);

	assert_memory_equal(frame, "\x08\0\0\0{\"n\":42}", 12);
	assert_int_equal(len, 12);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(ctl_parse(&in, &back, NULL), 0);
		arrive(&in, frame + i, 1);
	}
	assert_int_equal(ctl_parse(&in, &back, NULL), 1);
	assert_true(json_equal(j, back));
	json_t *none = NULL;
	assert_int_equal(ctl_parse(&in, &none, NULL), 0);
	ctl_in_done(&in);
}

static void many_in_one(void **state)
{
	auto_buf struct buf all = BUF_INIT;
	struct ctl_in in = { 0 };

	for (int i = 0; i < 100; i++) {
		auto_json json_t *j = message(i);
		size_t len;
		auto_free char *frame = ctl_frame(j, &len);

		buf_add(&all, frame, len);
	}
	/* in two parts, cut in the middle of one */
	arrive(&in, all.p, 777);
	for (int i = 0; i < 100; i++) {
		auto_json json_t *j = NULL;

		if (ctl_parse(&in, &j, NULL) == 0) {
			arrive(&in, all.p + 777, all.len - 777);
			assert_int_equal(ctl_parse(&in, &j, NULL), 1);
		}
		assert_int_equal(jx_int(j, "n", -1), i);
	}
	ctl_in_done(&in);
}

static void nonsense_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *says;
	} rows[] = {
		{ "\xff\xff\xff\xff", 4, "a message of 4294967295 bytes is too long" },
		{ "\x01\0\0\x04", 4, "a message of 67108865 bytes is too long" },
		{ "\x02\0\0\0[]", 6, "a message is not an object" },
		{ "\0\0\0\0", 4, NULL },
		{ "\x02\0\0\0{]", 6, NULL },
		{ "\x04\0\0\0"
		  "null",
			8, NULL },
		{ "\x0d\0\0\0{\"a\":1,\"a\":2}", 17, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_err struct err err = ERR_INIT;
		struct ctl_in in = { 0 };
		json_t *j = NULL;

		arrive(&in, rows[i].bytes, rows[i].n);
		assert_int_equal(ctl_parse(&in, &j, &err), -1);
		assert_int_equal(err.kind, ERR_PROTO);
		assert_null(j);
		if (rows[i].says)
			assert_string_equal(err_msg(&err), rows[i].says);
		ctl_in_done(&in);
	}
}

/* Frames with bytes turned at random (but the same in each run): any answer, no crash, no message out of
 * bounds. */
static void damaged_frames(void **state)
{
	static const char good[] = "\x1e\0\0\0{\"op\":\"up\",\"services\":[\"web\"]}";
	unsigned x = 1;

	for (int round = 0; round < 5000; round++) {
		char bytes[sizeof good - 1];
		struct ctl_in in = { 0 };
		json_t *j = NULL;

		memcpy(bytes, good, sizeof bytes);
		for (int i = 0; i < 3; i++) {
			x = x * 1103515245 + 12345;
			bytes[x / 65536 % sizeof bytes] = (char)(x >> 8);
		}
		in.p = xmalloc(sizeof bytes); /* exactly as large, for the address sanitizer */
		memcpy(in.p, bytes, sizeof bytes);
		in.len = in.cap = sizeof bytes;
		if (ctl_parse(&in, &j, NULL) == 1) {
			assert_true(json_is_object(j));
			assert_true(in.at <= in.len);
			json_decref(j);
		}
		ctl_in_done(&in);
	}
}

static void memory_grows_with_what_arrives(void **state)
{
	struct ctl_in in = { 0 };
	json_t *j = NULL;
	char *block = xcalloc(1, 100000);

	arrive(&in, "\0\0\0\x04{", 5); /* announces 64 MiB */
	assert_int_equal(ctl_parse(&in, &j, NULL), 0);
	assert_true(in.cap <= 8192);
	arrive(&in, block, 3000);
	assert_true(in.cap <= 16384);
	free(block);
	ctl_in_done(&in);
}

static void a_large_message_is_given_back(void **state)
{
	auto_json json_t *j = json_object(), *back = NULL;
	char *text = xmalloc(3000001);
	struct ctl_in in = { 0 };
	size_t len;
	auto_free char *frame = NULL;
	int s[2], status;
	pid_t pid;

	memset(text, 'x', 3000000);
	text[3000000] = '\0';
	jx_set_str(j, "text", text);
	frame = ctl_frame(j, &len);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	pid = fork();
	if (pid == 0) {
		for (size_t done = 0; done < len;) {
			ssize_t n = write(s[0], frame + done, len - done);

			if (n < 0)
				_exit(1);
			done += (size_t)n;
		}
		_exit(0);
	}
	close(s[0]);
	while (ctl_parse(&in, &back, NULL) == 0)
		assert_int_equal(ctl_fill(&in, s[1], NULL), 1);
	assert_true(json_equal(j, back));
	assert_int_equal(ctl_fill(&in, s[1], NULL), 2);
	assert_true(in.cap < 1 << 20);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(s[1]);
	free(text);
	ctl_in_done(&in);
}

static void too_large_to_send(void **state)
{
	auto_json json_t *j = json_object();
	size_t n = CTL_MAX;
	char *text = xmalloc(n);
	size_t len;

	memset(text, 'x', n);
	json_object_set_new(j, "t", json_stringn_nocheck(text, n));
	assert_null(ctl_frame(j, &len));
	free(text);
}

/* --- both ends --- */

static void nobody_listens(void **state)
{
	auto_err struct err err = ERR_INIT;
	struct ctl *c;
	int fd;

	assert_int_equal(ctl_connect(scratch_fd, &c, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(ctl_listen(scratch_fd, &fd, &err), 0);
	close(fd);
	assert_true(scratch_has("sock"));
	assert_int_equal(ctl_connect(scratch_fd, &c, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_string_equal(err_msg(&err), "no supervisor is running");
	ctl_close(NULL);
}

static int accept_soon(int listen_fd)
{
	struct pollfd p = { .fd = listen_fd, .events = POLLIN };
	auto_err struct err err = ERR_INIT;
	int fd = -1;

	assert_int_equal(poll(&p, 1, SOON_MS), 1);
	assert_int_equal(ctl_accept(listen_fd, &fd, &err), 1);
	return fd;
}

static void a_conversation(void **state)
{
	auto_json json_t *req = json_object(), *got = NULL, *event = NULL;
	auto_err struct err err = ERR_INIT;
	auto_close int listening = -1;
	struct ctl_in in = { 0 };
	struct ctl *c = NULL;
	struct stat st;
	json_t *none = NULL;
	size_t len;
	int fd;

	assert_int_equal(ctl_listen(scratch_fd, &listening, &err), 0);
	assert_true(fcntl(listening, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstatat(scratch_fd, "sock", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(ctl_accept(listening, &fd, &err), 0);
	assert_int_equal(ctl_connect(scratch_fd, &c, &err), 0);
	fd = accept_soon(listening);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(ctl_fill(&in, fd, &err), 0);
	jx_set_str(req, "op", "ping");
	assert_int_equal(ctl_send(c, req, &err), 0);
	assert_int_equal(ctl_fill(&in, fd, &err), 1);
	assert_int_equal(ctl_parse(&in, &got, &err), 1);
	assert_string_equal(jx_str(got, "op"), "ping");
	assert_int_equal(jx_int(got, "v", 0), davit_version.wire);
	assert_int_equal(ctl_recv(c, 0, &none, &err), 0);
	assert_int_equal(ctl_recv(c, 20, &none, &err), 0);
	auto_free char *frame = ctl_frame(got, &len);
	assert_int_equal(write(fd, frame, len), len);
	assert_int_equal(ctl_recv(c, SOON_MS, &event, &err), 1);
	assert_true(json_equal(event, got));
	close(fd);
	assert_int_equal(ctl_recv(c, -1, &none, &err), -1);
	assert_string_equal(err_msg(&err), "the supervisor went away");
	assert_int_equal(ctl_send(c, req, &err), -1);
	assert_string_equal(err_msg(&err), "the supervisor went away");
	ctl_close(c);
	ctl_in_done(&in);
}

static void the_server_speaks_nonsense(void **state)
{
	auto_err struct err err = ERR_INIT;
	auto_close int listening = -1;
	struct ctl *c = NULL;
	json_t *j = NULL;
	int fd;

	assert_int_equal(ctl_listen(scratch_fd, &listening, &err), 0);
	assert_int_equal(ctl_connect(scratch_fd, &c, &err), 0);
	fd = accept_soon(listening);
	assert_int_equal(write(fd, "HTTP/1.1 400 Bad Request", 24), 24);
	assert_int_equal(ctl_recv(c, SOON_MS, &j, &err), -1);
	assert_int_equal(err.kind, ERR_PROTO);
	close(fd);
	ctl_close(c);
}

/* It answers without having read the request, and closes. */
static void last_words_are_heard(void **state)
{
	auto_json json_t *req = message(1), *event = NULL;
	auto_close int listening = -1;
	struct ctl *c = NULL;
	size_t len;
	auto_free char *frame = ctl_frame(req, &len);
	int fd;

	assert_int_equal(ctl_listen(scratch_fd, &listening, NULL), 0);
	assert_int_equal(ctl_connect(scratch_fd, &c, NULL), 0);
	fd = accept_soon(listening);
	assert_int_equal(ctl_send(c, req, NULL), 0);
	assert_int_equal(write(fd, frame, len), len);
	close(fd);
	assert_int_equal(ctl_recv(c, SOON_MS, &event, NULL), 1);
	assert_int_equal(jx_int(event, "n", 0), 1);
	ctl_close(c);
}

/* A run directory whose path is longer than sun_path, and a listener that takes the place of a dead one. */
static void long_paths_and_replacement(void **state)
{
	auto_close int deep = -1, first = -1, second = -1;
	char path[256];
	struct ctl *c = NULL;
	int fd;

	memset(path, 'p', sizeof path);
	path[100] = path[201] = '/';
	path[250] = '\0';
	assert_int_equal(path_open_dir(scratch_fd, path, 0700, &deep, NULL), 0);
	assert_int_equal(ctl_listen(deep, &first, NULL), 0);
	assert_int_equal(ctl_listen(deep, &second, NULL), 0);
	assert_int_equal(faccessat(deep, "sock.new", F_OK, 0), -1);
	assert_int_equal(ctl_connect(deep, &c, NULL), 0);
	fd = accept_soon(second);
	assert_int_equal(ctl_accept(first, &fd, NULL), 0);
	close(fd);
	ctl_close(c);
}

static int connect_as_nobody(void)
{
	struct ctl *c;
	json_t *j;

	if (setuid(65534) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0) /* or /proc/self/fd is closed to us */
		return 1;
	if (ctl_connect(scratch_fd, &c, NULL) < 0)
		return 2;
	return ctl_recv(c, SOON_MS, &j, NULL) < 0 ? 42 : 3;
}

static void strangers_are_turned_away(void **state)
{
	auto_close int listening = -1;
	int fd = -1, status;
	pid_t pid;

	assert_int_equal(geteuid(), 0);
	assert_int_equal(ctl_listen(scratch_fd, &listening, NULL), 0);
	assert_int_equal(fchmod(scratch_fd, 0755), 0);
	/* first by the socket's mode, then, were that wrong, by who they are */
	pid = fork();
	if (pid == 0)
		_exit(connect_as_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 2 << 8);
	assert_int_equal(fchmodat(scratch_fd, "sock", 0666, 0), 0);
	pid = fork();
	if (pid == 0)
		_exit(connect_as_nobody());
	struct pollfd p = { .fd = listening, .events = POLLIN };
	assert_int_equal(poll(&p, 1, SOON_MS), 1);
	assert_int_equal(ctl_accept(listening, &fd, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 42 << 8);
}

static int queue_fd;

static void on_alarm(int sig)
{
	int keep = errno;

	close(accept(queue_fd, NULL, NULL));
	errno = keep;
}

/* The queue is full; room comes while ctl_connect() waits. */
static void a_full_queue_is_waited_for(void **state)
{
	struct itimerval soon = { .it_value.tv_usec = 30000 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	auto_close int listening = -1;
	struct ctl *c = NULL;
	int fd[2];

	assert_int_equal(ctl_listen(scratch_fd, &listening, NULL), 0);
	assert_int_equal(listen(listening, 0), 0);
	snprintf(addr.sun_path, sizeof addr.sun_path, "%s/sock", scratch_path);
	for (int i = 0; i < 2; i++) {
		fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd[i], (struct sockaddr *)&addr, sizeof addr), i == 0 ? 0 : -1);
	}
	assert_int_equal(errno, EAGAIN);
	queue_fd = listening;
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(ctl_connect(scratch_fd, &c, NULL), 0);
	signal(SIGALRM, SIG_DFL);
	ctl_close(c);
	close(fd[0]);
	close(fd[1]);
}

static void error_events(void **state)
{
	auto_err struct err err = ERR_INIT, silent = ERR_INIT;
	auto_json json_t *j = json_object();

	assert_int_equal(ctl_error(j, &silent), -1);
	assert_int_equal(silent.kind, ERR_FAIL);
	jx_set_str(j, "kind", "cmd-not-found");
	jx_set_str(j, "msg", "service 'web': 100% gone");
	jx_set_str(j, "hint", "look");
	assert_int_equal(ctl_error(j, &err), -1);
	assert_string_equal(err_msg(&err), "service 'web': 100% gone");
	assert_string_equal(err.hint, "look");
	assert_int_equal(err_exit_status(&err), 127);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(many_in_one),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(damaged_frames),
		cmocka_unit_test(memory_grows_with_what_arrives),
		cmocka_unit_test(a_large_message_is_given_back),
		cmocka_unit_test(too_large_to_send),
		scratch_test(nobody_listens),
		scratch_test(a_conversation),
		scratch_test(the_server_speaks_nonsense),
		scratch_test(last_words_are_heard),
		scratch_test(long_paths_and_replacement),
		scratch_test(strangers_are_turned_away),
		scratch_test(a_full_queue_is_waited_for),
		cmocka_unit_test(error_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
