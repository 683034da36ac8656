/* Who a process is: pid, start time, boot. Birth is in proc_spawn.c, workers are in proc_worker.c. */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auto.h"
#include "clock.h"
#include "proc_wait.h"
#include "str.h"

/* Reads a small file of /proc; it is cut off at the room there is. */
static int read_small(const char *path, char *buf, size_t room)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = read(fd, buf, room - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	buf[n] = '\0';
	return 0;
}

const char *proc_boot_id(void)
{
	static char id[40];

	if (!id[0] && read_small("/proc/sys/kernel/random/boot_id", id, sizeof id) == 0)
		id[strcspn(id, "\n")] = '\0';
	return id;
}

/* What is wanted of /proc/PID/stat: fields 3, 4, 22 and 52, counted behind the last parenthesis, since a command may be named
 * ") Z 1". */
struct stat_line {
	char state;
	unsigned parent, wait_status;    /* the latter 0 for who may not trace the process */
	uint64_t start;
};

static int take_field(struct stat_line *l, int field, const char *text)
{
	enum { STATE = 3, PARENT = 4, START = 22, WAIT_STATUS = 52 };

	switch (field) {
	case STATE:
		l->state = *text;
		return 0;
	case PARENT:
		return str_uint(text, 0, INT_MAX, &l->parent);
	case START:
		return str_u64(text, &l->start);
	case WAIT_STATUS:
		return str_uint(text, 0, UINT16_MAX, &l->wait_status);
	}
	return 0;
}

static int read_stat(pid_t pid, struct stat_line *ret)
{
	char path[40], text[1024], *p, *save = NULL;
	int field = 3;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (pid <= 0 || read_small(path, text, sizeof text) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	p = strrchr(text, ')');
	if (!p)
		return -1;
	for (p = strtok_r(p + 1, " ", &save); p; p = strtok_r(NULL, " ", &save))
		if (take_field(ret, field++, p) < 0)
			return -1;
	return field > 22 ? 0 : -1;
}

int proc_start_time(pid_t pid, uint64_t *ret_start)
{
	struct stat_line l = { 0 };

	if (read_stat(pid, &l) < 0)
		return -1;
	*ret_start = l.start;
	return 0;
}

static bool is_living(char state)
{
	return state != 'Z' && state != 'X' && state != 'x';
}

int proc_identify(pid_t pid, struct proc_id *ret)
{
	struct stat_line l = { 0 };

	if (read_stat(pid, &l) < 0 || !is_living(l.state))
		return -1;
	*ret = (struct proc_id){ .pid = pid, .start = l.start };
	return 0;
}

bool proc_alive(const struct proc_id *id)
{
	struct stat_line l = { 0 };

	return read_stat(id->pid, &l) == 0 && l.start == id->start && is_living(l.state);
}

pid_t proc_parent(pid_t pid)
{
	struct stat_line l = { 0 };

	return read_stat(pid, &l) == 0 ? (pid_t)l.parent : 0;
}

static int exit_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* As in linux/pidfd.h of 6.15; headers are older. */
struct pidfd_info_exit {
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t exit_code;
};
#define INFO_EXIT (1ull << 3)

int proc_pidfd_ended(int pidfd, int *ret_status)
{
	struct pidfd_info_exit info = { .mask = INFO_EXIT };

	if (ioctl(pidfd, _IOWR(0xff, 11, struct pidfd_info_exit), &info) < 0)
		return errno == ESRCH ? 0 : -1;
	if (!(info.mask & INFO_EXIT))
		return 0;
	*ret_status = exit_status(info.exit_code);
	return 1;
}

int proc_zombie_ended(const struct proc_id *id, int *ret_status)
{
	struct stat_line l = { 0 };

	/* 0 is also what those are told who may not know: then it is left to others to say so */
	if (read_stat(id->pid, &l) < 0 || l.start != id->start || l.state != 'Z' || (!l.wait_status && geteuid() != 0))
		return 0;
	*ret_status = exit_status((int)l.wait_status);
	return 1;
}

int proc_pidfd(const struct proc_id *id)
{
	auto_close int fd = -1;
	uint64_t start;

	if (id->pid <= 0) {
		errno = ESRCH;
		return -1;
	}
	fd = pidfd_open(id->pid, 0);
	if (fd < 0)
		return -1;
	/* Looked at after opening: from here on the pid cannot pass to somebody else unseen. */
	if (proc_start_time(id->pid, &start) < 0 || start != id->start) {
		errno = ESRCH;
		return -1;
	}
	return take_fd(&fd);
}

int proc_pidfd_signal(int pidfd, int sig)
{
	return pidfd_send_signal(pidfd, sig, NULL, 0);
}

int proc_reap(struct child *c, int *ret_status)
{
	siginfo_t si = { 0 };

	if (waitid(P_PIDFD, (id_t)c->pidfd, &si, WEXITED | WNOHANG) < 0)
		return errno == EINTR ? 0 : -1;
	if (si.si_pid == 0)
		return 0;
	*ret_status = si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
	return 1;
}

int proc_poll(int fd, int timeout_ms)
{
	int64_t end = clock_mono_ns() + timeout_ms * MS_NS;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		int64_t left_ns = end - clock_mono_ns();
		int left_ms = timeout_ms < 0 ? -1 : left_ns <= 0 ? 0 : (int)((left_ns + MS_NS - 1) / MS_NS);
		int n = poll(&p, 1, left_ms);

		if (n > 0)
			return 1;
		if (n == 0 && left_ms == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -1;
	}
}

int proc_wait(struct child *c, int timeout_ms, const char *who, int *ret_status, struct err *err)
{
	enum { AFTER_KILL_MS = 2000 };
	int status, r;

	if (proc_poll(c->pidfd, timeout_ms) == 0) {
		proc_pidfd_signal(c->pidfd, SIGKILL);
		if (proc_poll(c->pidfd, AFTER_KILL_MS) > 0)
			proc_reap(c, &status);
		return err_set(err, ERR_TIMEOUT, "%s did not finish within %g s", who, timeout_ms / 1000.0);
	}
	/* it has ended; one that traces us all (strace -f) has it for a moment before we do */
	for (int ms = 0; (r = proc_reap(c, &status)) == 0 && ms < AFTER_KILL_MS; ms++)
		poll(NULL, 0, 1);
	if (r <= 0)
		return err_sys(err, r < 0 ? errno : EAGAIN, "wait for %s", who);
	*ret_status = status;
	return 0;
}
