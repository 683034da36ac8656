/* stats: two looks at the counters of each container's cgroup, and what lies between them. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../oci/oci.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/map.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "list.h"
#include "view.h"

struct stats_opts {
	bool all, no_stream, no_trunc;
	const char *format;
};

#define S(field) offsetof(struct stats_opts, field)
static const struct opt stats_flags[] = {
	{ 'a', "all", OPT_BOOL, S(all), "also show containers that do not run" },
	{ 0, "format", OPT_STRING, S(format), LIST_FORMAT_HELP, "FORMAT", LIST_FORMATS },
	{ 0, "no-stream", OPT_BOOL, S(no_stream), "show it once" },
	{ 0, "no-trunc", OPT_BOOL, S(no_trunc), "do not shorten ids" },
	{ 0 }
};

static const struct list_column columns[] = {
	{ "ID", "CONTAINER ID" }, { "Name", "NAME", .name = true },	       { "CPUPerc", "CPU %" },	     { "MemUsage", "MEM USAGE / LIMIT" }, { "MemPerc", "MEM %" },
	{ "NetIO", "NET I/O" },	  { "BlockIO", "BLOCK I/O" }, { "PIDs", "PIDS" },	     { "Container", "CONTAINER", true },  { NULL },
};

enum { ROWS = 24, EVERY_MS = 1000, FIRST_MS = 500, MIN_WIDTH = 10, NET_MAX = 256 << 10, SIZE_TEXT = 24 };

struct sample {
	int64_t at_ns, cpu_ns;
};

/* ------------------------------------------------------------------ what is counted */

static int64_t host_memory(void)
{
	return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

/* A container in the host's network has no traffic of its own. */
static bool has_own_network(pid_t pid)
{
	auto_free char *path = xasprintf("/proc/%d/ns/net", (int)pid);
	struct stat its, ours;

	return stat(path, &its) == 0 && stat("/proc/self/ns/net", &ours) == 0 && its.st_ino != ours.st_ino;
}

/* /proc/PID/net/dev: "  eth0: RX-BYTES 7 more TX-BYTES …", below two lines of headings */
static void network(pid_t pid, int64_t *received, int64_t *sent)
{
	auto_free char *path = xasprintf("/proc/%d/net/dev", (int)pid);
	auto_buf struct buf b = BUF_INIT;

	*received = *sent = 0;
	if (!has_own_network(pid) || path_read(AT_FDCWD, path, NET_MAX, &b, NULL) < 0)
		return;
	for (char *line = b.p; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		long long rx, tx;
		char name[32];

		if (sscanf(line, " %31[^: ]: %lld %*d %*d %*d %*d %*d %*d %*d %lld", name, &rx, &tx) != 3 || STREQ(name, "lo"))
			continue;
		*received += rx;
		*sent += tx;
	}
}

/* Powers of 1024, as docker shows memory: "1.5MiB" */
static const char *binary_size(int64_t bytes, char text[static SIZE_TEXT])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)bytes;
	size_t i = 0;

	for (; v >= 1024 && i + 1 < ARRAY_LEN(units); i++)
		v /= 1024;
	snprintf(text, SIZE_TEXT, "%.4g%s", v, units[i]);
	return text;
}

/* ------------------------------------------------------------------ rows */

static void set_sizes(json_t *row, const char *key, int64_t a, int64_t b)
{
	char x[SIZE_TEXT], y[SIZE_TEXT];

	str_human_size((double)a, x);
	str_human_size((double)b, y);
	list_setf(row, key, "%s / %s", x, y);
}

/* Of one processor, since the last look; the first one has nothing to compare with. */
static double cpu_share(struct map *last, const char *id, int64_t cpu_ns)
{
	struct sample *s = map_get(last, id);
	int64_t now = clock_mono_ns();
	double share = 0;

	if (s && now > s->at_ns && cpu_ns > s->cpu_ns)
		share = (double)(cpu_ns - s->cpu_ns) * 100 / (double)(now - s->at_ns);
	if (!s) {
		s = xcalloc(1, sizeof *s);
		map_set(last, id, s);
	}
	*s = (struct sample){ now, cpu_ns };
	return share;
}

static void add_row(struct list *l, struct cli *c, const struct stats_opts *o, const struct view *v, struct map *last)
{
	auto_free char *cgroup = cgroup_of_slot(c->name, v->r->slot);
	struct cgroup_usage u = { 0 };
	json_t *row = list_row(l);
	char id[16], used[SIZE_TEXT], limit[SIZE_TEXT];
	int64_t most, rx = 0, tx = 0;

	if (cgroup)
		cgroup_usage(cgroup, &u);
	if (view_up(v))
		network(v->r->proc.pid, &rx, &tx);
	most = u.memory_limit && u.memory_limit < host_memory() ? u.memory_limit : u.found ? host_memory() : 0;
	set_sizes(row, "BlockIO", u.io_read, u.io_written);
	list_setf(row, "CPUPerc", "%.2f%%", cpu_share(last, v->r->id, u.cpu_ns));
	list_set(row, "Container", o->no_trunc ? v->r->id : view_short_id(v->r->id, id));
	list_set(row, "ID", o->no_trunc ? v->r->id : view_short_id(v->r->id, id));
	list_setf(row, "MemPerc", "%.2f%%", most ? (double)u.memory * 100 / (double)most : 0);
	list_setf(row, "MemUsage", "%s / %s", binary_size(u.memory, used), binary_size(most, limit));
	list_set(row, "Name", v->r->name);
	set_sizes(row, "NetIO", rx, tx);
	list_setf(row, "PIDs", "%lld", (long long)u.pids);
}

static void look(struct cli *c, const struct stats_opts *o, struct map *last, struct list *l)
{
	size_t n;
	auto_free struct view *list = view_list(c, &n);

	for (size_t i = 0; i < n; i++)
		if (list[i].r->id && (o->all || view_up(&list[i])))
			add_row(l, c, o, &list[i], last);
}

/* In the place of what was shown last, on a terminal. */
static void to_screen(struct cli *c, bool first)
{
	struct winsize ws = { 0 };

	if (isatty(STDOUT_FILENO))
		ui_frame(&c->ui, ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row ? ws.ws_row : ROWS, first);
}

static int show(struct cli *c, const struct stats_opts *o, struct map *last, bool first, struct err *err)
{
	struct list rows = { .columns = columns, .min_width = MIN_WIDTH, .whole = o->no_trunc };
	int r;

	look(c, o, last, &rows);
	r = list_print(c, &rows, o->format, err);
	if (!o->no_stream)
		to_screen(c, first);
	list_done(&rows);
	return r < 0 ? -1 : ui_flush(&c->ui, err);
}

static int stats_run(struct cli *c, const void *opts, struct err *err)
{
	const struct stats_opts *o = opts;
	struct list first = { .columns = columns };
	struct map last = MAP_INIT;
	int r = list_check(o->format, err);

	c->runs = true;
	if (r == 0) {
		look(c, o, &last, &first);
		list_done(&first);
		poll(NULL, 0, FIRST_MS);
		r = show(c, o, &last, true, err);
	}
	while (r == 0 && !o->no_stream) {
		poll(NULL, 0, EVERY_MS);
		r = cli_reload_world(c, err);
		if (r == 0)
			r = show(c, o, &last, false, err);
	}
	map_done(&last, free);
	return r;
}

const struct cmd cmd_stats = {
	.name = "stats",
	.args = "[SERVICE...]",
	.summary = "show what containers use of processors, memory, network and disks",
	.needs = NEED_NAME | ARGS_ARE_SERVICES | ONLY_LOOKS,
	.max_args = -1,
	.opts = stats_flags,
	.opts_size = sizeof(struct stats_opts),
	.run = stats_run,
};
