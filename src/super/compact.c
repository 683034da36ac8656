/* compact.c - the journal is made small now and then. The disk is waited for in a worker: it may be slow, and names and probes do not wait. */
#include "sup.h"

#include "../util/auto.h"
#include "../util/log.h"
#include "../util/mem.h"

enum { SYNC_MS = 120000 };

struct compaction {
	struct super *s;
	struct worker worker;
	struct event *ev, *deadline;
};

static int sync_work(void *arg, json_t **ret, struct err *err)
{
	return journal_compact_sync(arg, err);
}

static void over(struct compaction *c, bool synced, struct err *err)
{
	struct super *s = c->s;

	event_free(c->ev);
	event_free(c->deadline);
	free(take(s->compaction));
	if ((journal_compact_end(s->journal, synced, err) < 0 || !synced) && err->kind)
		log_error("journal: %s", err_msg(err));
}

static void on_synced(evutil_socket_t fd, short what, void *arg)
{
	struct compaction *c = arg;
	auto_err struct err err = ERR_INIT;

	if (worker_read(&c->worker) == 0)
		return;
	over(c, worker_finish(&c->worker, NULL, &err) == 0, &err);
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct compaction *c = arg;
	auto_err struct err err = ERR_INIT;

	worker_abort(&c->worker);
	err_set(&err, ERR_TIMEOUT, "the disk did not take %s/journal within %d s", c->s->p.state, SYNC_MS / 1000);
	over(c, false, &err);
}

static int begin(struct super *s, struct err *err)
{
	struct world w = { .units = MAP_INIT, .project = s->project_line };
	int r;

	map_each(&s->units, it) {
		struct unit *u = it->value;
		if (u->rec.id || u->rec.parked)
			map_set(&w.units, u->rec.slot, &u->rec);
	}
	r = journal_compact_begin(s->journal, &w, err);
	map_done(&w.units, NULL);
	return r;
}

void compact_if_due(struct super *s)
{
	const struct timeval limit = { .tv_sec = SYNC_MS / 1000 };
	struct compaction *c;
	struct err err = ERR_INIT;

	if (s->finished || s->compaction || !journal_wants_compaction(s->journal))
		return;
	c = s->compaction = xcalloc(1, sizeof *c);
	c->s = s;
	if (begin(s, &err) < 0 || worker_start(sync_work, s->journal, &c->worker, &err) < 0) {
		log_error("journal: %s", err_msg(&err));
		err_done(&err);
		journal_compact_end(s->journal, false, NULL);
		free(take(s->compaction));
		return;
	}
	c->ev = event_new(s->base, c->worker.fd, EV_READ | EV_PERSIST, on_synced, c);
	event_add(c->ev, NULL);
	c->deadline = evtimer_new(s->base, on_overdue, c);
	evtimer_add(c->deadline, &limit);
}
