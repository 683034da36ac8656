/* events.c - what is told of containers, networks, volumes and supervisors: on disk before anybody hears of it, and each thing as often
 * as its row of the table says.
 *
 * A supervisor may be killed between a fact and its line, or between the line and the journal's. So what was told last of each container
 * is known by a key per kind, read back from the files at start-up: a predecessor's line is not written again, and what it could not
 * write any more is caught up on, with the time at which it happened. What happened before the oldest line that is kept counts as told. */
#include "sup.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/version.h"

enum { LABELS_MAX = 4096, RUN_MAX = 40 };

/* ------------------------------------------------------------------ once */

static uint64_t mix(uint64_t h, const char *text)
{
	for (; text && *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3;  /* FNV-1a */
	return (h ^ 0xff) * 0x100000001b3;
}

static uint64_t key_of(enum event_kind k, const char *id, const char *run, const char *detail)
{
	enum event_once once = event_rows[k].once;
	uint64_t h = mix(0xcbf29ce484222325, id);

	if (once != EV_ONCE_A_CONTAINER)
		h = mix(h, run);
	return once == EV_ON_CHANGE ? mix(h, detail) : h;
}

static void run_text(const struct proc_id *run, char text[static RUN_MAX])
{
	snprintf(text, RUN_MAX, "%d:%" PRIu64, (int)run->pid, run->start);
}

static uint64_t run_key(struct unit *u, enum event_kind k)
{
	char run[RUN_MAX];

	if (u->rec.proc.pid)
		u->run = u->rec.proc;
	run_text(&u->run, run);
	return key_of(k, u->rec.id, run, NULL);
}

/* ------------------------------------------------------------------ writing */

static json_t *begin_line(enum event_kind k, int64_t at_ns, const char *detail)
{
	auto_free char *action = k == EV_HEALTH ? xasprintf("%s: %s", event_rows[k].action, detail) : NULL;

	return json_pack("{s:I,s:s,s:s}", "t", (json_int_t)at_ns, "type", event_rows[k].type, "action",
			 action ? action : event_rows[k].action);
}

/* Takes the line. u NULL: it is not about a container. */
static void tell(struct super *s, struct unit *u, json_t *line)
{
	auto_err struct err err = ERR_INIT;

	if (s->events && events_append(s->events, line, &err) < 0)
		log_warn("events: %s", err_msg(&err));
	publish_event(s, u, line);
}

static size_t labels_size(const json_t *labels)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)labels, key, value)
		n += strlen(key) + (json_is_string(value) ? json_string_length(value) : 0);
	return n;
}

/* What Docker gives with every event of a container: its labels but compose's own, image and name. */
static json_t *attributes_of(const struct unit *u)
{
	json_t *o = json_object(), *value;
	const char *key;

	if (labels_size(u->rec.labels) <= LABELS_MAX)
		json_object_foreach(u->rec.labels, key, value)
			if (!str_starts(key, "com.docker.compose."))
				json_object_set(o, key, value);
	jx_set_str(o, "image", u->rec.image);
	jx_set_str(o, "name", u->rec.name);
	return o;
}

void unit_event(struct unit *u, enum event_kind k, int64_t at_ns, const char *detail, json_t *more)
{
	auto_json json_t *extra = more;
	char run[RUN_MAX];
	json_t *line, *attributes;
	uint64_t key;

	if (!u->rec.id || u->rec.init_of)        /* a step of pre_start is part of its container's beginning */
		return;
	if (u->rec.proc.pid)
		u->run = u->rec.proc;
	run_text(&u->run, run);
	key = key_of(k, u->rec.id, run, detail);
	if (event_rows[k].once != EV_EACH && u->told[k] == key)
		return;
	u->told[k] = key;
	line = begin_line(k, at_ns, detail);
	jx_set_str(line, "service", u->rec.service);
	jx_set_str(line, "slot", u->rec.slot);
	jx_set_str(line, "id", u->rec.id);
	jx_set_str(line, "run", run);
	jx_set_str(line, "detail", detail);
	attributes = attributes_of(u);
	json_object_update(attributes, extra);
	json_object_set_new(line, "attributes", attributes);
	tell(u->s, u, line);
}

void super_event(struct super *s, enum event_kind k, const char *id, json_t *attributes)
{
	json_t *line = begin_line(k, clock_wall_ns(), NULL);

	if (!attributes)
		attributes = json_object();
	jx_set_str(line, "id", id);
	jx_set_str(attributes, "name", id);
	json_object_set_new(line, "attributes", attributes);
	tell(s, NULL, line);
}

/* ------------------------------------------------------------------ what needs more words */

static void set_textf(json_t *o, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void set_textf(json_t *o, const char *key, const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	jx_set_str(o, key, b.p);
}

void unit_event_signal(struct unit *u, int sig, int64_t at_ns)
{
	json_t *o = json_object();

	set_textf(o, "signal", "%d", sig);
	unit_event(u, EV_KILL, at_ns, NULL, o);
}

void unit_event_backoff(struct unit *u)
{
	json_t *o = json_object();

	set_textf(o, "delayMs", "%lld", (long long)u->rec.backoff_ms);
	set_textf(o, "restarts", "%u", u->rec.restarts);
	unit_event(u, EV_BACKOFF, clock_wall_ns(), NULL, o);
}

static bool cause_is(const struct unit *u, const char *verb)
{
	return u->rec.cause && str_starts(u->rec.cause, verb);
}

static void add_next(const struct unit *u, json_t *o)
{
	bool goes = u->want == W_ABSENT || cause_is(u, "replaced") || cause_is(u, "removed");

	if (u->rec.restarting)
		set_textf(o, "next", "restart in %lld ms", (long long)u->rec.backoff_ms);
	else if (cause_is(u, "restarted"))
		jx_set_str(o, "next", "restart");
	else
		jx_set_str(o, "next", goes ? "removal" : "stays stopped");
}

/* How it ended, how that is known, why, and what follows. */
static json_t *die_attributes(const struct unit *u)
{
	const struct unit_rec *r = &u->rec;
	int64_t ran_ns = r->finished_ns - r->started_ns;
	const char *name = r->exit_code > 128 ? sigabbrev_np(r->exit_code - 128) : NULL;
	json_t *o = json_object();

	if (r->exit_code < 0)
		jx_set_str(o, "exitCode", "unknown");
	else
		set_textf(o, "exitCode", "%d", r->exit_code);
	set_textf(o, "execDuration", "%lld", (long long)(r->started_ns && ran_ns > 0 ? ran_ns / SEC_NS : 0));
	if (name)
		set_textf(o, "exitSignal", "SIG%s", name);
	if (r->oom)
		jx_set_str(o, "oom", "true");
	jx_set_str(o, "source", u->exit_source ? u->exit_source : r->exit_code < 0 ? "unknown" : "keeper");
	jx_set_str(o, "cause", r->cause);
	add_next(u, o);
	return o;
}

/* Only what was told to have begun ends; and not before it began, though the clock may have been set back between the two. */
void unit_event_die(struct unit *u)
{
	int64_t at_ns = u->rec.finished_ns > u->rec.started_ns ? u->rec.finished_ns : u->rec.started_ns;

	if (u->told[EV_START] == run_key(u, EV_START))
		unit_event(u, EV_DIE, at_ns, NULL, die_attributes(u));
}

void unit_event_started(struct unit *u)
{
	unit_event(u, EV_START, u->rec.started_ns, NULL, NULL);
	if (cause_is(u, "restarted"))
		unit_event(u, EV_RESTART, clock_wall_ns(), NULL, NULL);
}

void unit_event_replaced(struct unit *u)
{
	struct unit_rec now = u->rec;
	struct proc_id run = u->run;

	u->rec = *now.parked;
	u->run = (struct proc_id){ 0 };
	unit_event(u, EV_DESTROY, clock_wall_ns(), NULL, NULL);
	u->rec = now;
	u->run = run;
}

void unit_event_rests(struct unit *u)
{
	if (u->rec.cause && !cause_is(u, "killed") && u->told[EV_DIE] == run_key(u, EV_DIE))
		unit_event(u, EV_STOP, clock_wall_ns(), NULL, NULL);
}

void unit_cause(struct unit *u, const char *cause)
{
	free(u->rec.cause);
	u->rec.cause = cause ? xstrdup(cause) : NULL;
}

/* ------------------------------------------------------------------ what a predecessor has told, and what not */

struct history {
	struct super *s;
	int64_t since_ns;                /* of the oldest line */
	struct map last;                 /* slot → its newest line */
};

static void line_free(void *p)
{
	json_decref(p);
}

static void parse_run(const char *text, struct proc_id *run)
{
	const char *colon = text ? strchr(text, ':') : NULL;
	auto_free char *pid = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;
	uint64_t n = 0, start = 0;

	if (!pid || str_u64(pid, &n) < 0 || n > INT32_MAX || str_u64(colon + 1, &start) < 0)
		return;
	*run = (struct proc_id){ .pid = (pid_t)n, .start = start };
}

static void learn(struct history *h, json_t *line)
{
	const char *slot = jx_str(line, "slot"), *id = jx_str(line, "id"), *action = jx_str(line, "action");
	int k = event_kind_parse(jx_str(line, "type"), action);
	struct unit *u = slot ? unit_get(h->s, slot) : NULL;
	const char *colon = k == EV_HEALTH ? strstr(action, ": ") : NULL;
	const char *detail = colon ? colon + 2 : jx_str(line, "detail");

	if (!h->since_ns)
		h->since_ns = jx_int(line, "t", 0);
	if (k < 0 || k >= EV_N_OF_CONTAINER || !slot || !id)
		return;
	json_decref(map_set(&h->last, slot, json_incref(line)));
	if (!u || !str_eq(u->rec.id, id))
		return;
	u->told[k] = key_of((enum event_kind)k, id, jx_str(line, "run"), detail);
	parse_run(jx_str(line, "run"), &u->run);
}

/* Its creation, as far as it is over; and its end, which stands in the journal until the runtime has forgotten it. */
static void catch_up(struct history *h, struct unit *u)
{
	uint64_t start = run_key(u, EV_START);
	bool past = u->rec.started_ns && u->rec.started_ns < h->since_ns;

	if (!u->rec.id)
		return;
	if (u->state == U_PREPARING)
		u->create_due = true;
	else if (u->rec.created_ns >= h->since_ns)
		unit_event(u, EV_CREATE, u->rec.created_ns, NULL, NULL);
	if (u->rec.proc.pid && past && u->told[EV_START] != start)
		u->told[EV_START] = start;
	if (u->rec.proc.pid && u->state == U_DELETING && u->rec.finished_ns)
		unit_event_die(u);
}

/* Containers that the journal does not know any more, and nobody said so. */
static void catch_up_removed(struct history *h)
{
	map_each(&h->last, it) {
		const json_t *last = it->value;
		const struct unit *u = unit_get(h->s, it->key);
		json_t *line;

		if (str_eq(jx_str(last, "action"), event_rows[EV_DESTROY].action) ||
		    (u && str_eq(u->rec.id, jx_str(last, "id"))))
			continue;
		line = begin_line(EV_DESTROY, clock_wall_ns(), NULL);
		for (const char *const *key = (const char *const[]){ "service", "slot", "id", "run", NULL }; *key; key++)
			jx_set_str(line, *key, jx_str(last, *key));
		json_object_set_new(line, "attributes", json_pack("{s:s?}", "name", jx_str(jx_obj(last, "attributes"), "name")));
		tell(h->s, NULL, line);
	}
}

void events_begin(struct super *s)
{
	auto_free char *projects = xasprintf("%s/projects", s->dirs.state);
	struct evr *r = evr_new(projects, s->p.name, false);
	struct history h = { .s = s, .last = MAP_INIT };
	auto_err struct err err = ERR_INIT;
	json_t *line;

	while (evr_next(r, &line) == 1) {
		learn(&h, line);
		json_decref(line);
	}
	evr_free(r);
	if (!h.since_ns)
		h.since_ns = clock_wall_ns();
	if (events_open(s->p.state_fd, &s->events, &err) < 0)
		log_error("events: %s", err_msg(&err));
	catch_up_removed(&h);
	map_each(&s->units, it)
		catch_up(&h, it->value);
	map_done(&h.last, line_free);
}

/* It is found running, or to have run: a start that its record does not know was its init's birth, or a little later. */
void events_adopt_start(struct unit *u)
{
	struct timespec up;
	int64_t born_ns, hz = sysconf(_SC_CLK_TCK);

	if (!u->rec.proc.pid)
		return;
	clock_gettime(CLOCK_BOOTTIME, &up);
	born_ns = clock_wall_ns() - ((int64_t)up.tv_sec * SEC_NS + up.tv_nsec) + (int64_t)u->rec.proc.start * (SEC_NS / hz);
	if (u->rec.started_ns < born_ns)
		u->rec.started_ns = born_ns;
	unit_event_started(u);
}

void events_adopted(struct super *s)
{
	json_t *o = json_object();
	size_t running = 0;

	map_each(&s->units, it)
		running += unit_has_process(((struct unit *)it->value)->state);
	set_textf(o, "pid", "%d", (int)getpid());
	jx_set_str(o, "version", davit_version.number);
	if (s->took_over)
		set_textf(o, "running", "%zu", running);
	super_event(s, s->took_over ? EV_SUPERVISOR_ADOPT : EV_SUPERVISOR_START, s->p.name, o);
}
