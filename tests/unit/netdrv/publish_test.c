#include "room.h"

#include <sys/prctl.h>

static struct err why;

static int forget_why(void **state)
{
	err_done(&why);
	return 0;
}

static int reserve(unsigned port, bool udp)
{
	int fd = -1;
	unsigned got;
	return publish_reserve(0, port, port, udp, &fd, &got, &why) < 0 ? -1 : fd;
}

static void test_keeps_others_out(void **state)
{
	for (int udp = 0; udp < 2; udp++) {
		int fd = reserve(8000, udp);
		assert_true(fd >= 0);
		errno = 0;
		assert_int_equal(bound(udp ? SOCK_DGRAM : SOCK_STREAM, "0.0.0.0", 8000), -1);
		assert_int_equal(errno, EADDRINUSE);
		assert_int_equal(bound(udp ? SOCK_DGRAM : SOCK_STREAM, "127.0.0.1", 8000), -1);
		close(fd);
		fd = reserve(8000, udp); /* at once again */
		assert_true(fd >= 0);
		close(fd);
	}
}

static void test_range_and_any(void **state)
{
	int fd[3];
	unsigned port;
	for (unsigned i = 0; i < 3; i++) {
		must(publish_reserve(0x7f000001, 9000, 9002, false, &fd[i], &port, err));
		assert_int_equal(port, 9000 + i);
	}
	int more;
	assert_int_equal(publish_reserve(0x7f000001, 9000, 9002, false, &more, &port, &why), -1);
	assert_int_equal(why.kind, ERR_BUSY);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	must(publish_reserve(0, 0, 0, true, &more, &port, err));
	assert_true(port >= 1024);
	close(more);
	err_done(&why);
	assert_int_equal(publish_reserve(0x01020304, 80, 80, false, &more, &port, &why), -1);
	assert_non_null(why.hint);
}

/* The side that closes first keeps the connection in TIME_WAIT: here that of the server. */
static void leave_time_wait(unsigned port)
{
	int l = bound(SOCK_STREAM, "127.0.0.1", port), c = sock(SOCK_STREAM);
	struct sockaddr_in a = at("127.0.0.1", port);
	char byte;
	assert_int_equal(connect(c, (struct sockaddr *)&a, sizeof a), 0);
	int s = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	close(s);
	assert_int_equal(read(c, &byte, 1), 0);
	close(c);
	close(l);
}

static void test_remnants_do_not_count(void **state)
{
	leave_time_wait(8100);
	int fd = sock(SOCK_STREAM);
	struct sockaddr_in a = at("0.0.0.0", 8100);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), -1); /* the remnant is there */
	close(fd);
	fd = reserve(8100, false);
	assert_true(fd >= 0);
	assert_int_equal(bound(SOCK_STREAM, "0.0.0.0", 8100), -1);
	assert_int_equal(reserve(8100, false), -1);
	close(fd);
}

static void test_names_a_server(void **state)
{
	char text[128];
	for (int udp = 0; udp < 2; udp++) {
		int l = bound(udp ? SOCK_DGRAM : SOCK_STREAM, "0.0.0.0", 8200);
		snprintf(text, sizeof text, "host port 8200 (%s) is taken by gatekeeper (pid %d)",
			udp ? "udp" : "tcp", (int)getpid());
		assert_int_equal(prctl(PR_SET_NAME, "gatekeeper"), 0);
		assert_int_equal(reserve(8200, udp), -1);
		assert_int_equal(why.kind, ERR_BUSY);
		assert_string_equal(err_msg(&why), text);
		err_done(&why);
		close(l);
	}
}

static void test_names_a_server_of_both_families(void **state)
{
	int l = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(8300) };
	assert_int_equal(bind(l, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(reserve(8300, false), -1);
	assert_non_null(strstr(err_msg(&why), "(pid "));
	close(l);
}

/* The other supervisor: this program again, with the words that a supervisor has, reserving the port it
 * inherits. */
static void test_names_a_project(void **state)
{
	int fd = reserve(8400, false), ready[2];
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char in[16], out[16];
		snprintf(in, sizeof in, "%d", dup(fd)); /* dup: not close-on-exec */
		snprintf(out, sizeof out, "%d", dup(ready[1]));
		execl("/proc/self/exe", "davit", in, out, "--supervise", "shop", NULL);
		_exit(1);
	}
	char byte;
	close(fd);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(reserve(8400, false), -1);
	assert_string_equal(err_msg(&why), "host port 8400 (tcp) is taken by davit project 'shop'");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
}

static int be_supervisor(const char *out)
{
	int fd = (int)strtol(out, NULL, 10);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(fd, "r", 1) == 1)
		for (;;)
			pause();
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 5)
		return be_supervisor(argv[2]);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_keeps_others_out, forget_why),
		cmocka_unit_test_setup(test_range_and_any, forget_why),
		cmocka_unit_test_setup(test_remnants_do_not_count, forget_why),
		cmocka_unit_test_setup(test_names_a_server, forget_why),
		cmocka_unit_test_setup(test_names_a_server_of_both_families, forget_why),
		cmocka_unit_test_setup(test_names_a_project, forget_why),
	};
	int failed = cmocka_run_group_tests(tests, room_make, NULL);
	err_done(&why);
	return failed;
}
