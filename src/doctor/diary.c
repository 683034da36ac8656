/* diary.c - what was written can be read to its end. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "../state/logfile.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

enum { FILE_MAX_BYTES = 64 << 20, NOT_THERE = 1 };

/* True for a line as it should be. */
typedef bool line_fn(const char *line, size_t n);

static bool is_json(const char *line, size_t n)
{
	auto_json json_t *j = NULL;

	return jx_parse(line, n, &j, NULL) == 0;
}

/* "= BASE", or four numbers. */
static bool is_exit(const char *line, size_t n)
{
	int words = 1;
	size_t i = n > 2 && line[0] == '=' && line[1] == ' ' ? 2 : 0;
	bool base = i == 2;

	for (; i < n; i++) {
		if (line[i] == ' ')
			words++;
		else if (line[i] < '0' || line[i] > '9')
			return false;
	}
	return words == (base ? 1 : 4);
}

static void look_lines(struct doctor *d, int dir_fd, const char *dir, const char *name, line_fn *fn)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	auto_buf struct buf b = BUF_INIT;
	auto_err struct err err = ERR_INIT;
	size_t number = 1;

	if (dir_fd < 0)
		return;
	if (path_read(dir_fd, name, FILE_MAX_BYTES, &b, &err) < 0) {
		if (err.kind != ERR_NOT_FOUND)
			amiss(d, path, "it cannot be read: %s", err_msg(&err));
		return;
	}
	for (size_t at = 0; at < b.len; number++) {
		const char *nl = memchr(b.p + at, '\n', b.len - at);
		size_t n = nl ? (size_t)(nl - b.p) - at : b.len - at;
		if (!nl || !fn(b.p + at, n)) {
			amiss(d, path, "line %zu is %s", number, nl ? "no record" : "torn");
			return;
		}
		at += n + 1;
	}
}

static void look_journal(struct doctor *d, const struct patient *p)
{
	look_lines(d, p->p.state_fd, p->p.state, "journal", is_json);
}

static void look_exits(struct doctor *d, const struct patient *p)
{
	look_lines(d, p->p.run_fd, p->p.run, "exits.old", is_exit);
	look_lines(d, p->p.run_fd, p->p.run, "exits", is_exit);
}

/* ------------------------------------------------------------------ whole files */

static void look_document(struct doctor *d, int dir_fd, const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	auto_err struct err err = ERR_INIT;
	auto_json json_t *j = NULL;

	if (dir_fd >= 0 && jx_load(dir_fd, name, FILE_MAX_BYTES, &j, &err) < 0 && err.kind != ERR_NOT_FOUND)
		amiss(d, path, "it cannot be read: %s", err_msg(&err));
}

static void look_documents(struct doctor *d, const struct patient *p)
{
	look_document(d, p->p.state_fd, p->p.state, "model.json");
	look_document(d, p->p.state_fd, p->p.state, "txn.json");
	map_each(&p->w.units, it) {
		const struct unit_rec *r = it->value;
		auto_free char *name = xasprintf("containers/%s/launch.json", r->id ? r->id : "none");
		look_document(d, p->p.state_fd, p->p.state, name);
	}
}

/* A request that supervisors were killed at (src/super/txn_crash.c). */
static void look_given_up(struct doctor *d, const struct patient *p)
{
	auto_free char *path = xasprintf("%s/given-up.json", p->p.state);
	auto_json json_t *j = NULL;

	if (p->p.state_fd < 0 || jx_load(p->p.state_fd, "given-up.json", FILE_MAX_BYTES, &j, NULL) < 0)
		return;
	amiss(d, path, "%s", jx_str(j, "msg") ? jx_str(j, "msg") : "a request was given up");
}

/* ------------------------------------------------------------------ logs */

static void look_log(struct doctor *d, const struct patient *p, int logs_fd, const char *slot)
{
	auto_free char *path = xasprintf("%s/logs/%s", p->p.state, slot);
	auto_err struct err err = ERR_INIT;
	struct logr *r = NULL;
	const struct log_range last = { .tail = 1 };
	struct log_line line;
	int more = logr_open(logs_fd, slot, &last, &r, &err);

	if (more == 0)
		while ((more = logr_next(r, true, &line, &err)) == 1)
			;
	if (more < 0)
		amiss(d, path, "the log cannot be read to its end: %s", err_msg(&err));
	logr_close(r);
}

static void look_logs(struct doctor *d, const struct patient *p)
{
	auto_close int fd = p->p.state_fd < 0 ? -1 : openat(p->p.state_fd, "logs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	map_each(&p->w.units, it)
		look_log(d, p, fd, ((const struct unit_rec *)it->value)->slot);
}

const struct check diary_checks[] = {
	{ "journal", look_journal, NULL, "that transition of a container is not remembered; the one before it counts",
	  "if it happens again, the disk is failing or something else writes there" },
	{ "exits", look_exits, NULL, "that container's exit status is not known", "none is needed: readers skip the line" },
	{ "documents", look_documents, NULL, "the project's model, or what a container was started with, is not known",
	  "'davit -p NAME up -d --force-recreate' writes it anew" },
	{ "logs", look_logs, NULL, "'davit logs' cannot show all of it", "'davit -p NAME up -d --force-recreate SERVICE' begins a new one" },
	{ "requests", look_given_up, NULL, "what was asked for was not done, or only in part; what runs is looked after",
	  "'davit -p NAME bundle' collects what is known of it; the next 'up' that ends well settles it" },
	{ 0 }
};
