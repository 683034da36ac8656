/* top: who is in a container's cgroup, as `ps -ef` shows processes. What /proc says of a process is the container's own doing: it is bounded
 * here and made visible where it is printed. */
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "../oci/oci.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "list.h"
#include "view.h"

enum { MIN_WIDTH = 4, STAT_MAX = 4096, COMMAND_MAX = 64 << 10 };

struct process {
	pid_t pid, ppid;
	unsigned uid, tty;       /* tty: device number, 0: none */
	long ticks;              /* of processor time used */
	int64_t age_s, started_s;        /* started: wall */
	char *command;
};

/* Field 4 and on of /proc/PID/stat, behind the name in its last parenthesis. */
static int parse_stat(char *text, struct process *p, unsigned long long *start_ticks)
{
	char *at = strrchr(text, ')');
	char state;
	int ppid, tty;
	unsigned long utime, stime;

	if (!at || sscanf(at + 1, " %c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %llu", &state, &ppid, &tty, &utime,
			  &stime, start_ticks) != 6)
		return -1;
	p->ppid = ppid;
	p->tty = (unsigned)tty;
	p->ticks = (long)(utime + stime);
	return 0;
}

static char *read_command(int dir_fd, const char *stat)
{
	auto_close int fd = openat(dir_fd, "cmdline", O_RDONLY | O_CLOEXEC);
	struct buf b = BUF_INIT;
	ssize_t n = fd < 0 ? 0 : read(fd, buf_room(&b, COMMAND_MAX), COMMAND_MAX);

	for (ssize_t i = 0; i < n; i++)
		if (!b.p[i])
			b.p[i] = i + 1 < n ? ' ' : '\0';
	if (n > 0) {
		b.len = strnlen(b.p, (size_t)n);
		b.p[b.len] = '\0';
	} else {                         /* no arguments: the name, as ps shows it */
		const char *open = strchr(stat, '('), *close = strrchr(stat, ')');

		if (open && close > open)
			buf_printf(&b, "[%.*s]", (int)(close - open - 1), open + 1);
	}
	return buf_take(&b);
}

/* False: it has gone. */
static bool look_at(pid_t pid, struct process *ret)
{
	auto_free char *dir = xasprintf("/proc/%d", (int)pid);
	auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_buf struct buf stat = BUF_INIT;
	unsigned long long start_ticks = 0;
	struct timespec boot;
	struct stat st;

	*ret = (struct process){ .pid = pid };
	if (fd < 0 || fstat(fd, &st) < 0 || path_read(fd, "stat", STAT_MAX, &stat, NULL) < 0 || !stat.p)
		return false;
	ret->command = read_command(fd, stat.p);
	if (parse_stat(stat.p, ret, &start_ticks) < 0)
		return false;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	ret->uid = st.st_uid;
	ret->age_s = boot.tv_sec - (int64_t)(start_ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
	ret->started_s = clock_wall_ns() / SEC_NS - ret->age_s;
	return true;
}

/* ------------------------------------------------------------------ as ps -ef has it */

static const struct list_column columns[] = {
	{ "Service", "SERVICE" }, { "Index", "#" },	{ "UID", "UID" },   { "PID", "PID" },	{ "PPID", "PPID" }, { "C", "C" },
	{ "STime", "STIME" },	  { "TTY", "TTY" },	{ "Time", "TIME" }, { "Command", "CMD", .name = true }, { NULL },
};

static void set_user(json_t *row, unsigned uid)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		list_set(row, "UID", pw->pw_name);
	else
		list_setf(row, "UID", "%u", uid);
}

static void set_start(json_t *row, int64_t started_s)
{
	time_t at = (time_t)started_s, now = time(NULL);
	struct tm then, today;
	char text[32];

	localtime_r(&at, &then);
	localtime_r(&now, &today);
	strftime(text, sizeof text, then.tm_year == today.tm_year && then.tm_yday == today.tm_yday ? "%H:%M" : "%b%d", &then);
	list_set(row, "STime", text);
}

/* Documentation/admin-guide/devices.txt: 4 has ttyN, 136 to 143 pts/N */
static void set_tty(json_t *row, unsigned dev)
{
	enum { VT = 4, PTS = 136, PTS_LAST = 143, MINORS = 256 };
	unsigned maj = major(dev), min = minor(dev);

	if (maj >= PTS && maj <= PTS_LAST)
		list_setf(row, "TTY", "pts/%u", (maj - PTS) * MINORS + min);
	else if (maj == VT)
		list_setf(row, "TTY", "tty%u", min);
	else
		list_set(row, "TTY", "?");
}

static void add_process(struct list *l, const struct unit_rec *r, const struct process *p)
{
	enum { FULL = 99 };
	long seconds = p->ticks / sysconf(_SC_CLK_TCK);
	long share = p->age_s > 0 ? seconds * 100 / p->age_s : 0;
	json_t *row = list_row(l);

	list_set(row, "Service", r->service);
	list_setf(row, "Index", "%u", r->index);
	set_user(row, p->uid);
	list_setf(row, "PID", "%d", (int)p->pid);
	list_setf(row, "PPID", "%d", (int)p->ppid);
	list_setf(row, "C", "%ld", share > FULL ? FULL : share);
	set_start(row, p->started_s);
	set_tty(row, p->tty);
	list_setf(row, "Time", "%02ld:%02ld:%02ld", seconds / 3600, seconds / 60 % 60, seconds % 60);
	list_set(row, "Command", p->command);
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

static void add_container(struct cli *c, struct list *l, const struct unit_rec *r)
{
	auto_free char *cgroup = cgroup_of_slot(c->name, r->slot);
	struct cgroup_procs procs = { 0 };

	if (cgroup)
		cgroup_procs(cgroup, &procs);
	qsort(procs.v, procs.n, sizeof *procs.v, by_pid);
	for (size_t i = 0; i < procs.n; i++) {
		struct process p = { 0 };

		if (procs.v[i] > 0 && look_at(procs.v[i], &p))
			add_process(l, r, &p);
		free(p.command);
	}
	free(procs.v);
}

struct top_opts {
	const char *format;
};

static const struct opt top_flags[] = {
	{ 0, "format", OPT_STRING, offsetof(struct top_opts, format), LIST_FORMAT_HELP, "FORMAT", LIST_FORMATS },
	{ 0 }
};

static int top_run(struct cli *c, const void *opts, struct err *err)
{
	const struct top_opts *o = opts;
	struct list rows = { .columns = columns, .min_width = MIN_WIDTH };
	size_t n, shown = 0;
	int r = list_check(o->format, err);
	auto_free struct view *list = view_list(c, &n);

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!view_up(&list[i]))
			continue;
		add_container(c, &rows, list[i].r);
		shown++;
	}
	if (r == 0 && shown)
		r = list_print(c, &rows, o->format, err);
	list_done(&rows);
	return r;
}

const struct cmd cmd_top = {
	.name = "top",
	.args = "[SERVICE...]",
	.summary = "list the processes of containers",
	.needs = NEED_NAME | ARGS_ARE_SERVICES | ONLY_LOOKS,
	.max_args = -1,
	.opts = top_flags,
	.opts_size = sizeof(struct top_opts),
	.run = top_run,
};
