/* davit-keeper - the one process of a project that must not die.
 *
 * It is small so that there is little in it to be wrong: one poll over a signalfd (SIGCHLD) and the
 * supervisor's socket, tables of fixed size, no allocation after the start, only libc. keeper.h says what it
 * promises; here is how:
 *
 * Signals. All are blocked, so SIGTERM, SIGINT, SIGHUP and the terminal's stops stay pending for ever: only
 * SIGKILL ends the keeper, or its supervisor's exit status 0. The supervisor gets an empty mask and default
 * dispositions.
 *
 * Exits (exits.c). waitid(WNOWAIT) leaves the zombie, so its start time can still be read from /proc; its
 * line is written with one write(2), and only then it is reaped. A line that cannot be written (a full tmpfs)
 * leaves the zombie for the next try. The supervisor itself is no line. Kept descriptors are in kept.c, the choice of
 * the supervisor's program in program.c, the socket to it in link.c. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "parts.h"

enum {
	PAUSE_FIRST_MS = 10,
	PAUSE_MAX_MS = 1000,
	LONG_LIFE_MS = 10000,
	RETRY_MS = 100, /* for what failed for want of something */
	OWN_FDS = 64,
	STATUS_USAGE = 125,
	STATUS_NO_EXEC = 127,
};

static struct {
	int run_fd, lock_fd, signal_fd;
	bool exits_stuck; /* a zombie waits for its line */

	pid_t supervisor;  /* 0: none */
	bool started_once; /* a supervisor was executed */
	int64_t born_ms, next_start_ms, pause_ms;
	struct rlimit files; /* as inherited, for the supervisor */
} k = {.run_fd = -1, .lock_fd = -1, .signal_fd = -1};

int64_t keeper_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void die(const char *what, const char *subject)
{
	dprintf(STDERR_FILENO, "davit-keeper: %s '%s': %s\n", what, subject, strerror(errno));
	_exit(STATUS_USAGE);
}

/* ------------------------------------------------------------------ the supervisor */

/* From now on nobody is there to read or to type. */
static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
}

/* In the child: nothing of the keeper's but KEEPER_FD, KEEPER_LOCK_FD and `failed` (close-on-exec) is left. */
static void become_supervisor(int sock, int failed)
{
	sigset_t none;
	int why, lock;

	/* Any of them may have the number of another, so all move up first; what dup2() makes is not close-on-exec. */
	failed = fcntl(failed, F_DUPFD_CLOEXEC, KEEPER_LOCK_FD + 1);
	sock = fcntl(sock, F_DUPFD_CLOEXEC, KEEPER_LOCK_FD + 1);
	lock = fcntl(k.lock_fd, F_DUPFD_CLOEXEC, KEEPER_LOCK_FD + 1);
	leave_terminal();
	dup2(sock, KEEPER_FD);
	dup2(lock, KEEPER_LOCK_FD);
	setrlimit(RLIMIT_NOFILE, &k.files);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_range(KEEPER_LOCK_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	why = program_exec();
	_exit(write(failed, &why, sizeof why) == sizeof why ? STATUS_NO_EXEC : STATUS_USAGE);
}

/* The next one starts at once after a long life, after the first short one, and when the last one made room for it;
 * then after 10, 20, … ms. */
static void plan_next_start(bool at_once)
{
	int64_t now = keeper_now_ms();

	if (at_once || now - k.born_ms >= LONG_LIFE_MS)
		k.pause_ms = 0;
	k.next_start_ms = now + k.pause_ms;
	k.pause_ms = k.pause_ms ? k.pause_ms * 2 : PAUSE_FIRST_MS;
	if (k.pause_ms > PAUSE_MAX_MS)
		k.pause_ms = PAUSE_MAX_MS;
}

static bool has_children(void)
{
	siginfo_t si;

	return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* Waits for exec's verdict: a program that was never there is told to whoever starts us, unless we have
 * children to keep. */
static void check_exec(int failed)
{
	int why;

	if (read(failed, &why, sizeof why) != sizeof why) {
		k.started_once = true;
		return;
	}
	if (k.started_once)
		return;
	waitpid(k.supervisor, NULL, 0);
	if (!has_children()) {
		errno = why;
		dprintf(STDERR_FILENO, "davit-keeper: run '%s': %s\n", program_path(), strerror(errno));
		_exit(STATUS_NO_EXEC);
	}
	k.supervisor = 0;
	link_hang_up();
	plan_next_start(false);
}

static void start_supervisor(void)
{
	int pair[2], report[2];

	k.born_ms = keeper_now_ms();
	program_starts();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		plan_next_start(false);
		return;
	}
	if (pipe2(report, O_CLOEXEC) < 0) {
		close(pair[0]);
		close(pair[1]);
		plan_next_start(false);
		return;
	}
	k.supervisor = fork();
	if (k.supervisor == 0)
		become_supervisor(pair[1], report[1]);
	close(pair[1]);
	close(report[1]);
	if (k.supervisor < 0) {
		k.supervisor = 0;
		close(pair[0]);
		close(report[0]);
		plan_next_start(false);
		return;
	}
	link_open(pair[0]);
	check_exec(report[0]);
	close(report[0]);
	link_pay();
}

static void on_supervisor_end(const siginfo_t *si)
{
	k.supervisor = 0;
	while (link_receive()) /* what it handed over with its last breath */
		;
	if (si->si_code == CLD_EXITED && si->si_status == 0 && !program_on_trial())
		_exit(0);
	link_hang_up();
	plan_next_start(program_ended());
}

/* ------------------------------------------------------------------ the loop */

static void reap_supervisor(void)
{
	siginfo_t si = {0};

	if (k.supervisor && waitid(P_PID, (id_t)k.supervisor, &si, WEXITED | WNOHANG) == 0 && si.si_pid)
		on_supervisor_end(&si);
}

/* Records and reaps all that have ended. The supervisor is looked at each time round, because waitid() has no
 * order. */
static void reap(void)
{
	bool any = false;

	k.exits_stuck = false;
	for (;;) {
		siginfo_t si = {0};

		reap_supervisor();
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || !si.si_pid)
			break;
		if (si.si_pid == k.supervisor) /* ended since the line above */
			continue;
		if (exits_record(&si) < 0) {
			k.exits_stuck = true;
			break;
		}
		waitid(P_PID, (id_t)si.si_pid, &si, WEXITED | WNOHANG);
		any = true;
	}
	if (any) {
		link_owe_notice();
		link_pay();
	}
}

/* A program on trial that hangs would be there for ever. Its end is a failure as others. */
static int64_t trial_ends_ms(void)
{
	return k.supervisor && program_on_trial() ? k.born_ms + KEEPER_TRIAL_MS : INT64_MAX;
}

static int until(int64_t at_ms, int timeout_ms)
{
	int64_t left = at_ms - keeper_now_ms();

	if (left < 0)
		left = 0;
	return timeout_ms < 0 || left < timeout_ms ? (int)left : timeout_ms;
}

static void turn(void)
{
	struct pollfd p[2] = {{.fd = k.signal_fd, .events = POLLIN}, {.fd = link_sock(), .events = POLLIN}};
	struct signalfd_siginfo ignored;
	int timeout_ms = -1;

	if (!k.supervisor)
		timeout_ms = until(k.next_start_ms, timeout_ms);
	if (k.exits_stuck)
		timeout_ms = until(keeper_now_ms() + RETRY_MS, timeout_ms);
	if (trial_ends_ms() != INT64_MAX)
		timeout_ms = until(trial_ends_ms(), timeout_ms);
	if (link_again_ms())
		timeout_ms = until(link_again_ms(), timeout_ms);
	else if (link_owes())
		p[1].events |= POLLOUT;
	if (poll(p, 2, timeout_ms) < 0 && errno != EINTR)
		return;
	while (p[0].revents && read(k.signal_fd, &ignored, sizeof ignored) > 0)
		;
	while (p[1].revents & (POLLIN | POLLHUP | POLLERR) && link_receive())
		;
	reap();
	if (link_owes() && keeper_now_ms() >= link_again_ms())
		link_pay();
	if (keeper_now_ms() >= trial_ends_ms())
		kill(k.supervisor, SIGKILL);
	if (!k.supervisor && keeper_now_ms() >= k.next_start_ms)
		start_supervisor();
}

/* Standard descriptors that are closed would be given to the next open(). */
static void fill_stdio(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			_exit(STATUS_USAGE);
}

static void close_between(int above, int below)
{
	if (below - above > 1)
		close_range((unsigned)above + 1, (unsigned)below - 1, 0);
}

/* All but the lock and, where there is one, the feed. */
static void close_inherited(int feed)
{
	int low = feed >= 0 && feed < k.lock_fd ? feed : k.lock_fd;
	int high = feed > k.lock_fd ? feed : k.lock_fd;

	close_between(STDERR_FILENO, low);
	close_between(low, high);
	close_range((unsigned)high + 1, ~0U, 0);
	fcntl(k.lock_fd, F_SETFD, FD_CLOEXEC);
}

/* What the keeper before us kept, handed on by its supervisor. */
static void take_feed(int feed)
{
	if (feed < 0)
		return;
	link_open_feed(feed);
	while (link_receive())
		;
	link_hang_up();
}

/* Signals wait for ever, but SIGCHLD, which must not be ignored either: that would reap behind our back. */
static void block_signals(void)
{
	sigset_t all, chld;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	k.signal_fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (k.signal_fd < 0)
		die("watch", "SIGCHLD");
}

/* Room for what is kept; as much as we may. */
static void raise_files_limit(void)
{
	struct rlimit want;

	if (getrlimit(RLIMIT_NOFILE, &k.files) < 0)
		die("ask for", "RLIMIT_NOFILE");
	want = k.files;
	if (want.rlim_cur < KEEPER_FDS_MAX + OWN_FDS)
		want.rlim_cur =
			want.rlim_max < KEEPER_FDS_MAX + OWN_FDS ? want.rlim_max : KEEPER_FDS_MAX + OWN_FDS;
	setrlimit(RLIMIT_NOFILE, &want);
}

int main(int argc, char **argv)
{
	int64_t feed = argc > 3 ? keeper_number(argv[3]) : -1;
	int dashes = feed < 0 ? 3 : 4;

	fill_stdio();
	if (argc < dashes + 2 || strcmp(argv[dashes], "--") != 0 || keeper_number(argv[2]) < 3 ||
		keeper_number(argv[2]) > INT32_MAX || (feed >= 0 && (feed < 3 || feed > INT32_MAX))) {
		dprintf(STDERR_FILENO, "usage: davit-keeper RUN_DIR LOCK_FD [FEED_FD] -- PROGRAM [ARG...]\n");
		return STATUS_USAGE;
	}
	if (!program_set(argv + dashes + 1)) {
		errno = ENAMETOOLONG;
		die("run", argv[dashes + 1]);
	}
	k.lock_fd = (int)keeper_number(argv[2]);
	if (fcntl(k.lock_fd, F_GETFD) < 0)
		die("use the lock", argv[2]);
	close_inherited((int)feed);
	k.run_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k.run_fd < 0)
		die("open", argv[1]);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("become the parent of orphans of", argv[1]);
	block_signals();
	raise_files_limit();
	exits_open(k.run_fd);
	take_feed((int)feed);
	setsid(); /* fails for a leader of a group, which is as good */
	if (chdir("/") < 0)
		die("go to", "/");
	start_supervisor();
	leave_terminal();
	reap(); /* executed in a supervisor's place, there may be children that ended before */
	for (;;)
		turn();
}
