#include "bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../copy/tarhead.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/path_split.h"
#include "bundle_parts.h"

enum part { LOGS, CONTAINERS, EVENTS, JOURNAL, SUPERVISOR, HEALTH, N_SEEN };

struct bundle {
	struct cli *c;
	const char *path;
	bool looked;
	struct masks masks;
	struct buf seen[N_SEEN];
};

static const char *const names[N_SEEN] = {
	[LOGS] = "logs.txt", [CONTAINERS] = "containers.json", [EVENTS] = "events", [JOURNAL] = "journal",
	[SUPERVISOR] = "supervisor.log", [HEALTH] = "health.txt",
};

struct bundle *bundle_new(struct cli *c, const char *path)
{
	struct bundle *b = xcalloc(1, sizeof *b);

	b->c = c;
	b->path = path;
	bundle_secrets_stored(c, &b->masks);     /* what ran before may be forgotten by the time it is printed */
	return b;
}

int bundle_check(const char *path, struct err *err)
{
	auto_close int dir = -1;
	const char *name;

	if (path_open_parent(AT_FDCWD, path, &dir, &name) < 0 || faccessat(dir, ".", W_OK, 0) < 0)
		return err_sys(err, errno, "bundle '%s'", path);
	return 0;
}

const char *bundle_path(const struct bundle *b)
{
	return b->path;
}

void bundle_free(struct bundle *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < N_SEEN; i++)
		buf_done(&b->seen[i]);
	masks_done(&b->masks);
	free(b);
}

/* The directories may be there only since `up` began. */
static void open_again(struct cli *c)
{
	if (c->pdirs.state_fd < 0) {
		pdirs_done(&c->pdirs);
		pdirs_open(&c->dirs, c->name, false, &c->pdirs, NULL);
	}
	cli_reload_world(c, NULL);
}

void bundle_look(struct bundle *b)
{
	static const char *const logs[] = { "logs", "--no-color", "--timestamps", "--tail", "500", NULL };
	static const char *const ps[] = { "ps", "--all", "--no-trunc", "--format", "json", NULL };

	if (b->looked)
		return;
	b->looked = true;
	open_again(b->c);
	if (!cli_project_exists(b->c))
		return;
	bundle_ask(b->c, logs, false, &b->seen[LOGS]);
	bundle_ask(b->c, ps, false, &b->seen[CONTAINERS]);
	bundle_tail(b->c, "events", &b->seen[EVENTS]);
	bundle_tail(b->c, "journal", &b->seen[JOURNAL]);
	bundle_tail(b->c, "supervisor.log", &b->seen[SUPERVISOR]);
	bundle_health(b->c, &b->seen[HEALTH]);
}

static void add_file(struct buf *tar, struct masks *m, const char *name, struct buf *text)
{
	static const char zeroes[TAR_BLOCK];
	struct tarhead h = { .path = name, .st = { .st_mode = S_IFREG | 0600, .st_mtime = clock_wall_ns() / SEC_NS } };

	masks_apply(m, text);
	h.st.st_size = (off_t)text->len;
	tarhead(&h, tar);
	buf_add(tar, text->p, text->len);
	buf_add(tar, zeroes, tar_padding(text->len));
}

static void add_about(const struct bundle *b, struct buf *tar, struct masks *m, const char *how)
{
	auto_buf struct buf text = BUF_INIT;
	char now[40];

	clock_format(clock_wall_ns(), now);
	buf_printf(&text, "project: %s\ndirectory: %s\ntime: %s\nhow it ended: %s\n", b->c->name, b->c->dir ? b->c->dir : "?", now, how);
	bundle_versions(b->c, &text);
	add_file(tar, m, "about.txt", &text);
}

static void add_answers(const struct bundle *b, struct buf *tar, struct masks *m)
{
	static const char *const plan[] = { "plan", "--format", "json", NULL }, *const doctor[] = { "doctor", "--format", "json", NULL };
	auto_buf struct buf config = BUF_INIT, planned = BUF_INIT, found = BUF_INIT;

	bundle_config(b->c, &config);
	add_file(tar, m, "config.json", &config);
	bundle_ask(b->c, plan, true, &planned);
	add_file(tar, m, "plan.json", &planned);
	bundle_ask(b->c, doctor, false, &found);
	add_file(tar, m, "doctor.json", &found);
}

int bundle_write(struct bundle *b, const char *how, struct err *err)
{
	static const char end[2 * TAR_BLOCK];
	auto_buf struct buf tar = BUF_INIT;
	struct masks *m = &b->masks;
	int r;

	bundle_look(b);
	bundle_secrets_stored(b->c, m);
	bundle_secrets(b->c, m);
	bundle_secrets_told(&b->seen[JOURNAL], m);
	bundle_secrets_told(&b->seen[EVENTS], m);
	add_about(b, &tar, m, how);
	add_answers(b, &tar, m);
	for (size_t i = 0; i < N_SEEN; i++)
		if (b->seen[i].len)
			add_file(&tar, m, names[i], &b->seen[i]);
	buf_add(&tar, end, sizeof end);
	r = path_write(AT_FDCWD, b->path, tar.p, tar.len, 0600, 0, err);
	return r < 0 ? err_wrap(err, "bundle") : 0;
}
