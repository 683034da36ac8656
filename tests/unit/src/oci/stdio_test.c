/* FIFOs that lose nothing, and the console socket. */
#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../../../../src/util/fd.h"
#include "live.h"

static char dir[64];
static int dir_fd = -1;

static int setup(void **state)
{
	snprintf(dir, sizeof dir, "/tmp/davit-stdio-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	close(dir_fd);
	return path_remove_tree(AT_FDCWD, dir, NULL);
}

static void test_fifo_outlives_readers(void **state)
{
	auto_err struct err err = ERR_INIT;
	int c, r;
	char b[16];
	ok(stdio_make_fifo(dir_fd, "web-1.out", &err), err);
	ok(stdio_make_fifo(dir_fd, "web-1.out", &err), err);
	ok(stdio_open_container(dir_fd, "web-1.out", &c, &err), err);
	/* nobody reads: neither SIGPIPE nor loss */
	assert_int_equal(write(c, "one", 3), 3);
	ok(stdio_open_reader(dir_fd, "web-1.out", &r, &err), err);
	assert_int_equal(read(r, b, 2), 2);
	close(r);
	assert_int_equal(write(c, "two", 3), 3);
	ok(stdio_open_reader(dir_fd, "web-1.out", &r, &err), err);
	assert_int_equal(read(r, b, sizeof b), 4);
	assert_memory_equal(b, "etwo", 4);
	/* empty is "nothing yet", not the end */
	assert_int_equal(read(r, b, sizeof b), -1);
	assert_int_equal(errno, EAGAIN);
	assert_true(fcntl(c, F_GETPIPE_SZ) >= 65536);
	assert_true(fcntl(c, F_GETFD) & FD_CLOEXEC);
	assert_false(fcntl(c, F_GETFL) & O_NONBLOCK);
	close(r);
	close(c);
}

static void test_fifo_in_the_way(void **state)
{
	auto_err struct err err = ERR_INIT, err2 = ERR_INIT;
	int fd = -1;
	assert_int_equal(path_write(dir_fd, "file", "x", 1, 0600, 0, NULL), 0);
	assert_int_equal(stdio_make_fifo(dir_fd, "file", &err), -1);
	assert_string_equal(err_msg(&err), "log pipe 'file' is another kind of file");
	assert_int_equal(symlinkat("web-1.out", dir_fd, "link"), 0);
	assert_int_equal(stdio_open_container(dir_fd, "link", &fd, &err2), -1);
	assert_int_equal(fd, -1);
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void test_console(void **state)
{
	auto_err struct err err = ERR_INIT, busy = ERR_INIT, no_tty = ERR_INIT, nothing = ERR_INIT;
	auto_free char *path = xasprintf("%s/console", dir);
	auto_close int l = -1, got = -1, master = -1, slave = -1,
		       null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct stat st;
	ok(stdio_console_listen(path, &l, &err), err);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stdio_console_receive(l, &got, &busy), -1);
	assert_int_equal(busy.kind, ERR_BUSY);

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	int c = connect_to(path);
	assert_int_equal(fd_send(c, "/dev/pts/7", 10, &master, 1), 10);
	ok(stdio_console_receive(l, &got, &err), err);
	close(c);
	assert_true(isatty(got));
	assert_true(fcntl(got, F_GETFD) & FD_CLOEXEC);

	c = connect_to(path);
	assert_int_equal(fd_send(c, "x", 1, &null, 1), 1);
	int none = -1;
	assert_int_equal(stdio_console_receive(l, &none, &no_tty), -1);
	assert_int_equal(no_tty.kind, ERR_PROTO);
	close(c);
	c = connect_to(path);
	assert_int_equal(fd_send(c, "x", 1, NULL, 0), 1);
	assert_int_equal(stdio_console_receive(l, &none, &nothing), -1);
	assert_int_equal(nothing.kind, ERR_PROTO);
	close(c);
	assert_int_equal(none, -1);
}

static void test_console_path_too_long(void **state)
{
	auto_err struct err err = ERR_INIT;
	char path[200];
	int fd = -1;
	memset(path, 'x', sizeof path - 1);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	assert_int_equal(stdio_console_listen(path, &fd, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fifo_outlives_readers),
		cmocka_unit_test(test_fifo_in_the_way),
		cmocka_unit_test(test_console),
		cmocka_unit_test(test_console_path_too_long),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
