/* txn_queue.c - requests that act, as they come: who waits for whom, who makes way, and what the last supervisor did not finish. */
#include "txn.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"

/* They do not wait behind what makes things go. */
static bool supersedes(enum plan_verb verb)
{
	return verb == PLAN_DOWN || verb == PLAN_STOP;
}

static bool is_about(const struct txn *t, const char *service)
{
	for (char **v = t->services; v && *v; v++)
		if (STREQ(*v, service))
			return true;
	return !t->services;
}

bool txn_is_taken_away(const struct txn *t, const char *service)
{
	for (const struct txn *by = t->s->waiting; by; by = by->next)
		if (supersedes(by->verb) && is_about(by, service))
			return true;
	return false;
}

struct client *txn_client(const struct super *s)
{
	return s->txn ? s->txn->c : NULL;
}

/* Nobody would see what it prints. Once its container has started, that runs on. */
static bool is_for_its_client(const struct txn *t)
{
	return t->verb == PLAN_RUN && jx_bool(t->req, "attach", false);
}

static void give_up(struct txn *t)
{
	struct err err = ERR_INIT;

	t->superseded = true;
	err_set(&err, ERR_FAIL, "who asked for it is gone");
	exec_give_up(t, &err);
	err_done(&err);
}

void txn_client_gone(struct super *s, struct client *c)
{
	for (struct txn **p = &s->waiting, *t; (t = *p);) {
		bool over = t->c == c && is_for_its_client(t);
		if (t->c == c)
			t->c = NULL;
		if (!over) {
			p = &t->next;
			continue;
		}
		*p = t->next;
		txn_free(t);
	}
	if (!s->txn || s->txn->c != c)
		return;
	s->txn->c = NULL;
	evidence_seen(s->txn);
	if (is_for_its_client(s->txn))
		give_up(s->txn);
}

/* What makes things go; who stops or removes is let finish. */
static bool can_be_superseded(const struct txn *t)
{
	return (t->verb == PLAN_BOOT || t->verb == PLAN_RUN || t->verb == PLAN_UP || t->verb == PLAN_START || t->verb == PLAN_RESTART) && !t->rollback;
}

static void supersede_running(struct super *s, const struct txn *by)
{
	const char *op = plan_verb_str(by->verb);
	struct txn *t = s->txn;
	struct err err = ERR_INIT;

	if (t && t->rollback)
		exec_hold_starts(t);     /* what it brings back is to be stopped, or to go */
	if (!t || !can_be_superseded(t))
		return;
	t->superseded = true;
	t->doomed = by->verb == PLAN_DOWN && !by->services;
	evidence_seen(t);
	err_set(&err, ERR_FAIL, "superseded by '%s'", op);
	exec_give_up(t, &err);
	err_done(&err);
}

/* Also what has not begun: it would only be in the way. */
static void supersede(struct super *s, const struct txn *by)
{
	const char *op = plan_verb_str(by->verb);

	for (struct txn **p = &s->waiting; *p && *p != by;) {
		struct txn *t = *p;
		struct err err = ERR_INIT;
		if (!can_be_superseded(t)) {
			p = &t->next;
			continue;
		}
		*p = t->next;
		err_set(&err, ERR_FAIL, "superseded by '%s'", op);
		client_fail(t->c, &err, NULL, NULL);
		err_done(&err);
		txn_free(t);
	}
	supersede_running(s, by);
}

static char **names_of(const json_t *a)
{
	char **v = NULL;
	const json_t *x;
	size_t i;

	if (!json_array_size(a))
		return NULL;
	v = xcalloc(json_array_size(a) + 1, sizeof *v);
	json_array_foreach(a, i, x)
		v[i] = xstrdup(json_is_string(x) ? json_string_value(x) : "");
	return v;
}

/* The same request, made again by a client whose supervisor was replaced: it is told how the first one ends. */
static bool join(struct txn *t, struct client *c, const json_t *req)
{
	const char *id = jx_str(req, "id");

	if (!t || !id || t->c || !str_eq(id, jx_str(t->req, "id")))
		return false;
	t->c = c;
	return true;
}

static bool joins_another(struct super *s, struct client *c, const json_t *req)
{
	bool joined = join(s->txn, c, req);

	for (struct txn *t = s->waiting; t && !joined; t = t->next)
		joined = join(t, c, req);
	return joined;
}

void txn_submit(struct super *s, struct client *c, json_t *req)
{
	enum plan_verb verb;
	struct txn *t, **end = &s->waiting;
	struct err err = ERR_INIT;

	if (c && joins_another(s, c, req)) {
		json_decref(req);
		return;
	}
	if (!plan_verb_parse(jx_str(req, "op"), &verb)) {
		err_set(&err, ERR_PROTO, "the supervisor does not know the request '%s'", jx_str(req, "op"));
		client_fail(c, &err, NULL, NULL);
		err_done(&err);
		json_decref(req);
		return;
	}
	t = xcalloc(1, sizeof *t);
	t->s = s;
	t->c = c;
	t->req = req;
	t->verb = verb;
	t->services = names_of(jx_arr(req, "services"));
	while (*end)
		end = &(*end)->next;
	*end = t;
	if (supersedes(verb))
		supersede(s, t);
	txn_next(s);
}

/* What was in progress when the last supervisor ended. Read before anybody can ask for something new. */
void txn_read_unfinished(struct super *s)
{
	auto_err struct err err = ERR_INIT;

	if (jx_load(s->p.state_fd, "txn.json", CTL_MAX, &s->unfinished, &err) < 0 && err.kind != ERR_NOT_FOUND)
		log_error("txn.json: %s", err_msg(&err));
	if (s->unfinished && shutdown_is_over(s->unfinished)) {
		json_decref(take(s->unfinished));
		unlinkat(s->p.state_fd, "txn.json", 0);
	}
}

/* Who asked for what was interrupted, and is there again already. */
static struct client *take_asker(struct super *s)
{
	const char *id = s->unfinished ? jx_str(s->unfinished, "id") : NULL;

	for (struct txn **p = &s->waiting; id && *p; p = &(*p)->next) {
		struct txn *t = *p;
		struct client *c = t->c;
		if (!str_eq(id, jx_str(t->req, "id")))
			continue;
		*p = t->next;
		txn_free(t);
		return c;
	}
	return NULL;
}

/* Everything is adopted: the unfinished one first, then who came meanwhile. */
void txn_resume(struct super *s)
{
	struct client *asker = take_asker(s);
	struct txn *newer = take(s->waiting), **end;

	if (s->unfinished) {
		log_info("resuming '%s'", jx_str(s->unfinished, "op") ? jx_str(s->unfinished, "op") : "?");
		crash_count(s, s->unfinished);
		txn_submit(s, asker, take(s->unfinished));
	}
	boot_submit(s);
	for (end = &s->waiting; *end;)
		end = &(*end)->next;
	*end = newer;
	for (struct txn *t = newer; t; t = t->next)
		if (supersedes(t->verb)) {
			supersede(s, t);
			break;
		}
	txn_next(s);
}
