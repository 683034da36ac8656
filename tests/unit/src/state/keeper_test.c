/* The real keeper program (its source, with another name for main) over a supervisor that does as it is told:
 * this very program in two other roles, told by arguments. The supervisor reports to a socket of the test's
 * and takes commands there. */
int keeper_main(int argc, char **argv);
#define main keeper_main
#include "../../../../src/keeper/keeper.c"
#undef main
#include "../../../../src/keeper/exits.c"
#include "../../../../src/keeper/kept.c"
#include "../../../../src/keeper/link.c"
#include "../../../../src/keeper/program.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/un.h>

#include "../../../../src/state/journal.h"
#include "../../../../src/util/err.h"
#include "../../../../src/util/path.h"

enum { DEADLINE_MS = 5000 };

/* ------------------------------------------------------------------ the supervisor's side */

static int told = -1; /* socket to the test */

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (send(told, text, strlen(text), MSG_NOSIGNAL) < 0)
		_exit(99);
}

/* A process whose parent is gone when it ends: it waits for that. */
static void make_orphan(int status, int sig)
{
	pid_t middle = fork();

	if (middle == 0) {
		pid_t me = getpid();
		pid_t orphan = fork();

		if (orphan)
			_exit(0);
		while (getppid() == me)
			usleep(200);
		if (sig)
			raise(sig);
		_exit(status);
	}
	waitpid(middle, NULL, 0);
}

/* Sends a text and, unless it is -1, a descriptor, which is closed. */
static void send_keeper(const char *text, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} c = {.buf = {0}};
	struct iovec iov = {(char *)text, strlen(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *h;

		msg.msg_control = c.buf;
		msg.msg_controllen = sizeof c.buf;
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(h), &fd, sizeof fd);
	}
	if (sendmsg(KEEPER_FD, &msg, 0) < 0)
		_exit(98);
	if (fd >= 0)
		close(fd);
}

static void hand_over(const char *name)
{
	char text[80];
	int fd = memfd_create(name, MFD_CLOEXEC);

	snprintf(text, sizeof text, "f%s", name);
	if (fd < 0 || write(fd, name, strlen(name)) < 0)
		_exit(98);
	send_keeper(text, fd);
}

/* Reads one message of the keeper's: "f:NAME:CONTENT", "x", "." */
static void read_keeper(char *ret, size_t n)
{
	char text[80] = "", content[80] = "";
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} c;
	struct iovec iov = {text, sizeof text - 1};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.buf, .msg_controllen = sizeof c.buf};
	struct cmsghdr *h;

	if (recvmsg(KEEPER_FD, &msg, MSG_CMSG_CLOEXEC) <= 0) {
		snprintf(ret, n, "end");
		return;
	}
	h = CMSG_FIRSTHDR(&msg);
	if (h) {
		int fd;

		memcpy(&fd, CMSG_DATA(h), sizeof fd);
		if (pread(fd, content, sizeof content - 1, 0) < 0)
			_exit(97);
		close(fd);
		snprintf(ret, n, "%s:%s", text, content);
	} else {
		snprintf(ret, n, "%s", text);
	}
}

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void obey(const char *cmd, char **argv)
{
	char text[200], name[80];
	unsigned n;
	sigset_t mask;

	if (sscanf(cmd, "orphan exit %u", &n) == 1)
		make_orphan((int)n, 0);
	else if (sscanf(cmd, "orphan signal %u", &n) == 1)
		make_orphan(0, (int)n);
	else if (sscanf(cmd, "many %u", &n) == 1)
		for (unsigned i = 0; i < n; i++)
			make_orphan((int)(i % 100), 0);
	else if (sscanf(cmd, "keep %63s", name) == 1)
		hand_over(name);
	else if (sscanf(cmd, "hand %u", &n) == 1)
		for (unsigned i = 0; i < n; i++) {
			snprintf(name, sizeof name, "many-%u", i);
			hand_over(name);
		}
	else if (sscanf(cmd, "drop %63s", name) == 1) {
		snprintf(text, sizeof text, "d%s", name);
		send_keeper(text, -1);
	} else if (sscanf(cmd, "next %79s", name) == 1) {
		snprintf(text, sizeof text, "p%s", name);
		send_keeper(text, -1);
	} else if (strcmp(cmd, "well") == 0) {
		send_keeper("w", open("/proc/self/exe", O_PATH | O_CLOEXEC));
	} else if (strcmp(cmd, "garbage") == 0) {
		memset(text, 'f', sizeof text);
		for (unsigned i = 1; i < sizeof text; i++)
			if (send(KEEPER_FD, text, i, 0) < 0)
				_exit(95);
	} else if (strcmp(cmd, "read") == 0) {
		read_keeper(text, sizeof text);
		say("%s", text);
	} else if (sscanf(cmd, "exit %u", &n) == 1) {
		_exit((int)n);
	} else if (strcmp(cmd, "fds") == 0) {
		sigprocmask(SIG_SETMASK, NULL, &mask);
		say("%u%s", count_fds(), sigismember(&mask, SIGTERM) ? " masked" : "");
	} else if (sscanf(cmd, "become keeper %79s", name) == 1) {
		int lock = open(name, O_RDWR);
		char number_text[16];

		snprintf(number_text, sizeof number_text, "%d", lock);
		execl("/proc/self/exe", "keeper", argv[3], number_text, "--", "/proc/self/exe", "supervisor",
			argv[2], argv[3], (char *)NULL);
		_exit(94);
	}
	if (strcmp(cmd, "read") != 0 && strcmp(cmd, "fds") != 0)
		say("done");
}

/* supervisor SOCKET RUN */
static int supervisor_main(char **argv)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char cmd[128];
	ssize_t n;

	snprintf(a.sun_path, sizeof a.sun_path, "%s", argv[2]);
	told = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (connect(told, (struct sockaddr *)&a, sizeof a) < 0)
		return 1;
	say("hello %d %s", (int)getpid(), argv[0]);
	while ((n = recv(told, cmd, sizeof cmd - 1, 0)) > 0) {
		cmd[n] = '\0';
		obey(cmd, argv);
	}
	return 0;
}

/* ------------------------------------------------------------------ the test's side */

struct stage {
	char dir[64], sock_path[96], lock_path[96];
	int run_fd, listen_fd, lock_fd, sock;
	pid_t keeper, supervisor;
	char program[96]; /* as the supervisor was called */
};

static int wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, DEADLINE_MS);
}

/* Accepts the next supervisor's connection. */
static void meet(struct stage *s)
{
	char text[128] = "";
	int pid = 0;

	if (s->sock >= 0)
		close(s->sock);
	assert_int_equal(wait_readable(s->listen_fd), 1);
	s->sock = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(s->sock >= 0);
	assert_int_equal(wait_readable(s->sock), 1);
	assert_true(recv(s->sock, text, sizeof text - 1, 0) > 0);
	assert_int_equal(sscanf(text, "hello %d %95s", &pid, s->program), 2);
	s->supervisor = pid;
}

static void start_keeper(struct stage *s)
{
	s->keeper = fork();
	assert_true(s->keeper >= 0);
	if (s->keeper == 0) {
		char lock[16];

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fcntl(s->lock_fd, F_SETFD, 0);
		dup2(s->lock_fd, 40);	  /* something that leaks, with a hole below */
		signal(SIGCHLD, SIG_IGN); /* as bad a start as can be */
		snprintf(lock, sizeof lock, "%d", s->lock_fd);
		execl("/proc/self/exe", "keeper", s->dir, lock, "--", "/proc/self/exe", "supervisor",
			s->sock_path, s->dir, (char *)NULL);
		_exit(93);
	}
}

static int stage_up(void **state)
{
	static struct stage s;
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	s = (struct stage){.sock = -1};
	snprintf(s.dir, sizeof s.dir, "/tmp/keeper-test-XXXXXX");
	if (!mkdtemp(s.dir))
		return -1;
	snprintf(s.sock_path, sizeof s.sock_path, "%s/told", s.dir);
	snprintf(s.lock_path, sizeof s.lock_path, "%s/lock", s.dir);
	s.run_fd = open(s.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s.lock_fd = open(s.lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", s.sock_path);
	s.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (flock(s.lock_fd, LOCK_EX | LOCK_NB) < 0 ||
		bind(s.listen_fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(s.listen_fd, 8) < 0)
		return -1;
	start_keeper(&s);
	close(s.lock_fd);
	meet(&s);
	*state = &s;
	return 0;
}

static int stage_down(void **state)
{
	struct stage *s = *state;

	if (s->keeper) {
		kill(s->keeper, SIGKILL);
		waitpid(s->keeper, NULL, 0);
	}
	if (s->supervisor)
		kill(s->supervisor, SIGKILL);
	if (s->sock >= 0)
		close(s->sock);
	close(s->listen_fd);
	close(s->run_fd);
	return path_remove_tree(AT_FDCWD, s->dir, NULL);
}

static const char *tell(struct stage *s, const char *cmd)
{
	static char answer[256];
	ssize_t n;

	assert_true(send(s->sock, cmd, strlen(cmd), MSG_NOSIGNAL) > 0);
	assert_int_equal(wait_readable(s->sock), 1);
	n = recv(s->sock, answer, sizeof answer - 1, 0);
	assert_true(n > 0);
	answer[n] = '\0';
	return answer;
}

static void kill_supervisor(struct stage *s)
{
	assert_int_equal(kill(s->supervisor, SIGKILL), 0);
	meet(s);
}

struct seen {
	unsigned n;
	struct exit_rec last;
};

static void on_exit_seen(const struct exit_rec *r, void *ctx)
{
	struct seen *seen = ctx;

	seen->n++;
	seen->last = *r;
}

/* Reads exits until n records were seen in all. */
static void expect_exits(struct stage *s, off_t *offset, struct seen *seen, unsigned n)
{
	int64_t end = keeper_now_ms() + DEADLINE_MS;

	while (seen->n < n && keeper_now_ms() < end) {
		assert_int_equal(exits_read(s->run_fd, offset, on_exit_seen, seen, NULL), 0);
		if (seen->n < n)
			usleep(500);
	}
	assert_int_equal(seen->n, n);
}

static void test_restarts_the_supervisor_and_gives_its_descriptors_back(void **state)
{
	struct stage *s = *state;

	assert_string_equal(tell(s, "read"), ".1");
	tell(s, "keep web-1.tty");
	tell(s, "keep gone");
	tell(s, "keep db-1.tty");
	tell(s, "drop gone");
	tell(s, "drop never-there");
	tell(s, "garbage");
	for (int i = 0; i < 7; i++) { /* more would take long: the pauses grow */
		pid_t before = s->supervisor;

		kill_supervisor(s);
		assert_int_not_equal(s->supervisor, before);
		assert_string_equal(tell(s, "read"), "fweb-1.tty:web-1.tty");
		assert_string_equal(tell(s, "read"), "fdb-1.tty:db-1.tty");
		assert_string_equal(tell(s, "read"), ".1");
	}
}

static void test_gives_more_back_than_a_socket_holds(void **state)
{
	struct stage *s = *state;
	char want[96];

	tell(s, "hand 900");
	kill_supervisor(s);
	tell(s, "orphan exit 3"); /* an exit while descriptors are still owed: its notice comes after them */
	for (int i = 0; i < 900; i++) {
		snprintf(want, sizeof want, "fmany-%d:many-%d", i, i);
		assert_string_equal(tell(s, "read"), want);
	}
	assert_string_equal(tell(s, "read"), ".1");
	assert_string_equal(tell(s, "read"), "x");
}

static void test_records_exits_of_orphans(void **state)
{
	struct stage *s = *state;
	struct seen seen = {0};
	off_t offset = 0;
	struct {
		const char *cmd;
		int status;
	} cases[] = {
		{"orphan exit 0", 0},
		{"orphan exit 7", 7},
		{"orphan exit 255", 255},
		{"orphan signal 9", 137},
		{"orphan signal 15", 143},
		{"orphan signal 10", 138},
	};

	assert_string_equal(tell(s, "read"), ".1");
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		tell(s, cases[i].cmd);
		expect_exits(s, &offset, &seen, i + 1);
		assert_int_equal(seen.last.status, cases[i].status);
		assert_true(seen.last.proc.pid > 0 && seen.last.proc.start > 0 && seen.last.at_ns > 0);
		assert_string_equal(tell(s, "read"), "x");
	}
	kill_supervisor(s); /* its own end is no record, nor is anything written twice */
	tell(s, "orphan exit 1");
	expect_exits(s, &offset, &seen, 7);
	offset = 0;
	seen.n = 0;
	expect_exits(s, &offset, &seen, 7);
}

static void test_exits_while_the_supervisor_is_dead(void **state)
{
	struct stage *s = *state;
	struct seen seen = {0};
	off_t offset = 0;

	tell(s, "many 200");
	kill_supervisor(s);
	expect_exits(s, &offset, &seen, 200);
}

static void test_full_file_rotates_and_offsets_stay_right(void **state)
{
	struct stage *s = *state;
	struct seen seen = {0};
	off_t offset = 0;
	char filler[64];
	struct stat st;
	int fd = openat(s->run_fd, "exits", O_WRONLY | O_APPEND | O_CLOEXEC);
	int n = snprintf(filler, sizeof filler, "1 2 3 4\n");
	unsigned lines = 0;

	/* the keeper counts what it wrote itself, so a full file is one that a new keeper finds */
	kill(s->keeper, SIGKILL);
	waitpid(s->keeper, NULL, 0);
	while (lines * (unsigned)n <= EXITS_MAX) {
		assert_int_equal(write(fd, filler, (size_t)n), n);
		lines++;
	}
	close(fd);
	s->lock_fd = open(s->lock_path, O_RDWR | O_CLOEXEC);
	start_keeper(s);
	close(s->lock_fd);
	meet(s);
	expect_exits(s, &offset, &seen, lines);
	tell(s, "orphan exit 5");
	expect_exits(s, &offset, &seen, lines + 1);
	assert_int_equal(seen.last.status, 5);
	assert_int_equal(fstatat(s->run_fd, "exits.old", &st, 0), 0);
	tell(s, "orphan exit 6");
	expect_exits(s, &offset, &seen, lines + 2);
	assert_int_equal(seen.last.status, 6);
	offset = 0;
	seen.n = 0;
	expect_exits(s, &offset, &seen, lines + 2);
}

static void test_survives_signals_and_keeps_the_lock(void **state)
{
	struct stage *s = *state;
	int lock = open(s->lock_path, O_RDWR | O_CLOEXEC);
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGALRM, SIGTSTP};

	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
		assert_int_equal(kill(s->keeper, signals[i]), 0);
	assert_string_equal(tell(s, "fds"), "6"); /* stdio, KEEPER_FD, KEEPER_LOCK_FD and the one to the test */
	kill_supervisor(s);
	assert_int_equal(waitpid(s->keeper, NULL, WNOHANG), 0);
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(lock);
}

static void test_exit_0_ends_it_and_others_do_not(void **state)
{
	struct stage *s = *state;
	int status = -1, lock;

	assert_true(send(s->sock, "exit 3", 6, MSG_NOSIGNAL) > 0);
	meet(s);
	assert_int_equal(waitpid(s->keeper, NULL, WNOHANG), 0);
	assert_true(send(s->sock, "exit 0", 6, MSG_NOSIGNAL) > 0);
	assert_int_equal(waitpid(s->keeper, &status, 0), s->keeper);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	s->keeper = s->supervisor = 0;
	lock = open(s->lock_path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	close(lock);
}

static void test_supervisor_can_become_the_keeper(void **state)
{
	struct stage *s = *state;
	struct seen seen = {0};
	off_t offset = 0;
	char cmd[128];
	pid_t heir = s->supervisor;

	prctl(PR_SET_CHILD_SUBREAPER, 1); /* so that the heir becomes our child when its keeper dies */
	assert_string_equal(tell(s, "read"), ".1");
	kill(s->keeper, SIGKILL);
	waitpid(s->keeper, NULL, 0);
	assert_string_equal(tell(s, "read"), "end");
	snprintf(cmd, sizeof cmd, "become keeper %s", s->lock_path);
	assert_true(send(s->sock, cmd, strlen(cmd), MSG_NOSIGNAL) > 0);
	s->keeper = heir;
	meet(s);
	assert_int_not_equal(s->supervisor, heir);
	tell(s, "orphan exit 9");
	expect_exits(s, &offset, &seen, 1);
	assert_int_equal(seen.last.status, 9);
	assert_true(send(s->sock, "exit 0", 6, MSG_NOSIGNAL) > 0);
	assert_int_equal(waitpid(heir, NULL, 0), heir);
	s->keeper = s->supervisor = 0;
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* Another name for this very program. */
static void make_program(struct stage *s, char ret[static 96])
{
	char self[96];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	assert_true(n > 0);
	self[n] = '\0';
	snprintf(ret, 96, "%s/next", s->dir);
	assert_int_equal(symlink(self, ret), 0);
}

/* The supervisor asks for `program` and makes room for it. */
static void make_room_for(struct stage *s, const char *program)
{
	char cmd[128];

	snprintf(cmd, sizeof cmd, "next %s", program);
	tell(s, cmd);
	snprintf(cmd, sizeof cmd, "exit %d", KEEPER_STATUS_NEXT);
	assert_true(send(s->sock, cmd, strlen(cmd), MSG_NOSIGNAL) > 0);
	meet(s);
}

static void test_another_program_takes_over(void **state)
{
	struct stage *s = *state;
	char next[96];

	make_program(s, next);
	tell(s, "keep web-1.tty");
	tell(s, "well");
	make_room_for(s, next);
	assert_string_equal(s->program, next);
	assert_string_equal(tell(s, "read"), "fweb-1.tty:web-1.tty");
	assert_string_equal(tell(s, "read"), ".1");
	tell(s, "well");
	kill_supervisor(s); /* it is the program now */
	assert_string_equal(s->program, next);
	make_room_for(s, "/proc/self/exe");
	assert_string_equal(s->program, "/proc/self/exe");
}

static void test_goes_back_to_the_last_program_that_was_well(void **state)
{
	struct stage *s = *state;
	char next[96];

	make_program(s, next);
	tell(s, "well");
	make_room_for(s, next);
	assert_string_equal(s->program, next);
	tell(s, "well");
	assert_int_equal(unlink(next), 0); /* its path is not needed for that */
	static const char *const bad[] = {"/nowhere/davit", "/bin/false", "/proc/self/mem"};

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		make_room_for(s, bad[i]);
		assert_string_equal(s->program, next);
		assert_string_equal(tell(s, "read"), ".1b");
		tell(s, "well");
		kill_supervisor(s); /* and it stays so */
		assert_string_equal(s->program, next);
	}
}

static void test_the_running_program_is_replaced_by_a_bad_one(void **state)
{
	struct stage *s = *state;
	char next[96];
	int fd;

	make_program(s, next);
	tell(s, "well");
	make_room_for(s, next);
	tell(s, "well");
	assert_int_equal(unlink(next), 0);
	fd = open(next, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	assert_int_equal(write(fd, "no program", 10), 10);
	kill_supervisor(s);          /* nobody asked for it: what is under that name is tried, then what was well */
	assert_string_equal(s->program, next);
	assert_string_equal(tell(s, "read"), ".1");
	close(fd);
}

static void test_says_when_there_is_no_program(void **state)
{
	char text[256] = "", dir[] = "/tmp/keeper-test-XXXXXX";
	int out[2], status;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		int lock = open("/dev/null", O_RDWR);
		char number_text[16];

		dup2(out[1], 2);
		snprintf(number_text, sizeof number_text, "%d", lock);
		execl("/proc/self/exe", "keeper", dir, number_text, "--", "/nowhere/davit", (char *)NULL);
		_exit(93);
	}
	close(out[1]);
	assert_true(read(out[0], text, sizeof text - 1) > 0);
	close(out[0]);
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), STATUS_NO_EXEC);
	assert_non_null(strstr(text, "'/nowhere/davit': No such file or directory"));
	assert_int_equal(path_remove_tree(AT_FDCWD, dir, NULL), 0);
}

int main(int argc, char **argv)
{
	if (strcmp(argv[0], "keeper") == 0)
		return keeper_main(argc, argv);
	/* the keeper executes "/proc/self/exe" with the rest as its arguments */
	if (argc == 4 && strcmp(argv[1], "supervisor") == 0)
		return supervisor_main(argv);

#define STAGED(t) cmocka_unit_test_setup_teardown(t, stage_up, stage_down)
	const struct CMUnitTest tests[] = {
		STAGED(test_restarts_the_supervisor_and_gives_its_descriptors_back),
		STAGED(test_gives_more_back_than_a_socket_holds),
		STAGED(test_records_exits_of_orphans),
		STAGED(test_exits_while_the_supervisor_is_dead),
		STAGED(test_full_file_rotates_and_offsets_stay_right),
		STAGED(test_survives_signals_and_keeps_the_lock),
		STAGED(test_exit_0_ends_it_and_others_do_not),
		STAGED(test_supervisor_can_become_the_keeper),
		STAGED(test_another_program_takes_over),
		STAGED(test_goes_back_to_the_last_program_that_was_well),
		STAGED(test_the_running_program_is_replaced_by_a_bad_one),
		cmocka_unit_test(test_says_when_there_is_no_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
