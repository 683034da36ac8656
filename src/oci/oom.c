#include "oom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "host.h"

enum { RECORD_MAX = 8192, READS_MAX = 8192, CONTROL_MAX = 4096 };

/* --- that it happened --- */

static char *control_of(enum oci_cgroup_mode mode, const char *cgroup)
{
	return mode == CGROUP_V2 ? xasprintf("%s/memory.events", cgroup) : xasprintf("memory/%s/memory.oom_control", cgroup);
}

int64_t oom_count_at(int root_fd, enum oci_cgroup_mode mode, const char *cgroup)
{
	static const char key[] = "oom_kill ";
	auto_free char *control = control_of(mode, cgroup);
	auto_buf struct buf b = BUF_INIT;
	const char *line;

	if (mode == CGROUP_NONE || path_read(root_fd, control, CONTROL_MAX, &b, NULL) < 0)
		return -1;
	for (line = b.p; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char number[24] = "";
		int64_t n;

		if (!str_starts(line, key))
			continue;
		snprintf(number, sizeof number, "%.*s", (int)strcspn(line + strlen(key), "\n"), line + strlen(key));
		return str_i64(number, &n) == 0 && n >= 0 ? n : -1;
	}
	return -1;
}

static int open_root(void)
{
	return open(CGROUP_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int64_t oom_count(const char *cgroup)
{
	auto_close int root = open_root();

	return root < 0 ? -1 : oom_count_at(root, oci_host()->mode, cgroup);
}

/* The kernel keeps the eventfd alive, and lets go of it when ours is closed. */
int oom_eventfd(const char *cgroup)
{
	enum oci_cgroup_mode mode = oci_host()->mode;
	auto_free char *path = xasprintf(CGROUP_ROOT "/memory/%s/memory.oom_control", cgroup);
	auto_free char *events = xasprintf(CGROUP_ROOT "/memory/%s/cgroup.event_control", cgroup);
	auto_close int fd = -1, control = -1, register_fd = -1;
	char text[64];
	int n;

	if (mode != CGROUP_V1 && mode != CGROUP_HYBRID)
		return -1;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	control = open(path, O_RDONLY | O_CLOEXEC);
	register_fd = open(events, O_WRONLY | O_CLOEXEC);
	n = snprintf(text, sizeof text, "%d %d", fd, control);
	if (fd < 0 || control < 0 || register_fd < 0 || write(register_fd, text, (size_t)n) != n)
		return -1;
	return take_fd(&fd);
}

int oom_inotify(int ino, const char *cgroup)
{
	auto_free char *path = xasprintf(CGROUP_ROOT "/%s/memory.events", cgroup);

	return oci_host()->mode == CGROUP_V2 ? inotify_add_watch(ino, path, IN_MODIFY) : -1;
}

/* --- who it was --- */

/* Copies what lies between two places, as much as fits. */
static void copy(char *to, size_t size, const char *from, const char *end)
{
	size_t n = (size_t)(end - from) < size - 1 ? (size_t)(end - from) : size - 1;

	memcpy(to, from, n);
	to[n] = 0;
}

static int64_t number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtoll(at + strlen(key), NULL, 10) : 0;
}

/* The last place where the text says so: a name may hold anything, what follows it may not. */
static const char *last_of(const char *text, const char *word)
{
	const char *found = NULL;

	for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
		found = p;
	return found;
}

static void push(struct oom_log *l, const struct oom_victim *v)
{
	l->v[l->n++ % OOM_VICTIMS] = *v;
}

/* oom-kill:constraint=…,task_memcg=/davit/demo/web-1,task=NAME,pid=123,uid=0 */
static void take_summary(struct oom_log *l, const char *line)
{
	static const char group_key[] = ",task_memcg=", task_key[] = ",task=";
	const char *group = strstr(line, group_key), *task = group ? strstr(group, task_key) : NULL;
	const char *pid = task ? last_of(task, ",pid=") : NULL;
	struct oom_victim v = { 0 };

	if (!pid)
		return;
	copy(v.cgroup, sizeof v.cgroup, group + strlen(group_key), task);
	copy(v.name, sizeof v.name, task + strlen(task_key), pid);
	v.pid = number_after(pid, ",pid=");
	push(l, &v);
}

static struct oom_victim *find_pid(struct oom_log *l, int64_t pid)
{
	for (size_t i = 0; i < OOM_VICTIMS && i < l->n; i++) {
		struct oom_victim *v = &l->v[(l->n - 1 - i) % OOM_VICTIMS];

		if (v->pid == pid)
			return v->figures ? NULL : v;
	}
	return NULL;
}

/* Memory cgroup out of memory: Killed process 123 (NAME) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:0 … */
static void take_kill(struct oom_log *l, const char *line)
{
	static const char key[] = "Killed process ";
	const char *at = strstr(line, key), *open = at ? strstr(at, " (") : NULL;
	const char *close = open ? last_of(open, ") total-vm:") : NULL;
	struct oom_victim fresh = { 0 }, *v;

	if (!close)
		return;
	fresh.pid = number_after(at, key);
	copy(fresh.name, sizeof fresh.name, open + 2, close);
	v = find_pid(l, fresh.pid);
	if (!v) {
		push(l, &fresh);
		v = &l->v[(l->n - 1) % OOM_VICTIMS];
	}
	v->figures = true;
	v->total_kb = number_after(close, "total-vm:");
	v->anon_kb = number_after(close, "anon-rss:");
	v->file_kb = number_after(close, "file-rss:");
	v->shmem_kb = number_after(close, "shmem-rss:");
}

void oom_log_line(struct oom_log *l, const char *line)
{
	if (str_starts(line, "oom-kill:"))
		take_summary(l, line);
	else if (strstr(line, "Killed process "))
		take_kill(l, line);
}

void oom_log_open(struct oom_log *l, bool from_start)
{
	if (l->fd < 0)
		l->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (l->fd >= 0)
		lseek(l->fd, 0, from_start ? SEEK_SET : SEEK_END);
}

/* A read gives one record: "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;LINE\n KEY=VALUE\n…". EPIPE: some were overwritten; the next is there. */
void oom_log_read(struct oom_log *l)
{
	char record[RECORD_MAX + 1];

	for (int i = 0; l->fd >= 0 && i < READS_MAX; i++) {
		ssize_t n = read(l->fd, record, RECORD_MAX);
		char *line;

		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n <= 0)
			return;
		record[n] = 0;
		line = strchr(record, ';');
		if (!line)
			continue;
		line[1 + strcspn(line + 1, "\n")] = 0;
		oom_log_line(l, line + 1);
	}
}

/* "/davit/demo/web-1", the same with a hierarchy's own root before it, or with more behind it. */
static bool is_within(const char *path, const char *cgroup)
{
	size_t n = strlen(cgroup);

	for (const char *p = strstr(path, cgroup); p; p = strstr(p + 1, cgroup))
		if (p > path && p[-1] == '/' && (!p[n] || p[n] == '/'))
			return true;
	return false;
}

struct oom_victim *oom_log_find(struct oom_log *l, const char *cgroup, size_t nth)
{
	for (size_t i = 0; i < OOM_VICTIMS && i < l->n; i++) {
		struct oom_victim *v = &l->v[(l->n - 1 - i) % OOM_VICTIMS];

		if (!v->told && is_within(v->cgroup, cgroup) && nth-- == 0)
			return v;
	}
	return NULL;
}
