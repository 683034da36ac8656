#include "act.h"
#include "dry.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../super/super.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "bundle.h"

json_t *act_request(const struct cli *c, const char *op)
{
	json_t *req = json_object(), *services = json_array();

	jx_set_str(req, "op", op);
	for (size_t i = 0; i < c->args.n; i++)
		json_array_append_new(services, json_string(c->args.v[i]));
	if (c->args.n)
		json_object_set(req, "services", services);
	json_decref(services);
	if (cli_parallel(c) > 0)
		jx_set_int(req, "parallel", cli_parallel(c));
	if (c->origin)
		json_object_set(req, "origin", c->origin);
	return req;
}

void act_set_timeout(json_t *req, struct opt_int timeout)
{
	if (timeout.set)
		jx_set_int(req, "timeout_s", timeout.v);
}

size_t act_count(const struct cli *c)
{
	size_t n = 0;

	map_each(&c->world.units, it)
		n += cli_selected(c, it->value);
	return n;
}

bool act_any(struct cli *c, const char *verb)
{
	if (act_count(c))
		return true;
	ui_warn(&c->ui, "project '%s' has no container to %s", c->name, verb);
	return false;
}

int act_connect(struct cli *c, struct ctl **ret, struct err *err)
{
	if (super_connect(&c->dirs, c->name, ret, err) < 0)
		return err_wrap(err, "project '%s'", c->name);
	return 0;
}

/* "ports[2]" → 2 when attr is `name` with an index below n. */
static bool indexed(const char *attr, const char *name, size_t n, size_t *ret)
{
	size_t len = strlen(name);
	char digits[24] = "";
	unsigned index;

	if (!str_starts(attr, name) || attr[len] != '[')
		return false;
	snprintf(digits, sizeof digits, "%.*s", (int)strcspn(attr + len + 1, "]"), attr + len + 1);
	if (str_uint(digits, 0, 1000000, &index) < 0 || index >= n)
		return false;
	*ret = index;
	return true;
}

/* Where the user's file speaks of what failed. */
static struct pos pos_of(const struct project *p, const char *service, const char *attr)
{
	const struct service *s = p && service ? project_service(p, service) : NULL;
	struct pos pos = { 0 };
	size_t i;

	if (!s)
		return pos;
	if (!attr)
		return s->pos;
	if (STREQ(attr, "image"))
		pos = s->image_pos;
	else if (STREQ(attr, "command"))
		pos = s->command_pos.file ? s->command_pos : s->entrypoint_pos;
	else if (STREQ(attr, "entrypoint"))
		pos = s->entrypoint_pos.file ? s->entrypoint_pos : s->command_pos;
	else if (STREQ(attr, "healthcheck"))
		pos = s->healthcheck_pos;
	else if (indexed(attr, "ports", s->n_ports, &i))
		pos = s->ports[i].pos;
	else if (indexed(attr, "volumes", s->n_mounts, &i))
		pos = s->mounts[i].pos;
	else if (indexed(attr, "configs", s->n_configs, &i))
		pos = s->configs[i].pos;
	else if (indexed(attr, "secrets", s->n_secrets, &i))
		pos = s->secrets[i].pos;
	else if (indexed(attr, "pre_start", s->n_pre_start, &i))
		pos = s->pre_start[i].pos;
	else if (indexed(attr, "post_start", s->n_post_start, &i))
		pos = s->post_start[i].pos;
	else if (indexed(attr, "pre_stop", s->n_pre_stop, &i))
		pos = s->pre_stop[i].pos;
	return pos.file ? pos : s->pos;
}

/* Both are to speak one language: a supervisor that is too old for us makes room for one of our version. */
static int replace_older(struct cli *c, struct progress *p, struct err *err)
{
	struct super_about old, new;
	int r;

	if (c->replaced++)
		return err_set(err, ERR_PROTO, "the new supervisor does not understand us either");
	r = super_upgrade(&c->dirs, c->name, NULL, &old, &new, err);
	auto_free char *from = r == 0 ? cli_version(old.version) : NULL, *to = r == 0 ? cli_version(new.version) : NULL;
	progress_hide(p);
	if (r == 0)
		ui_warn(&c->ui, "the supervisor was too old for this davit: version %s was replaced by %s", from, to);
	super_about_done(&old);
	super_about_done(&new);
	return r < 0 ? err_wrap(err, "upgrade the supervisor") : ACT_LOST;
}

static int on_error(struct cli *c, const json_t *event, struct err *err)
{
	const char *service = jx_str(event, "service");

	c->err_pos = pos_of(c->project, service, jx_str(event, "attr"));
	ctl_error(event, err);
	if (service && !strstr(err_msg(err), "service '"))
		err_wrap(err, "service '%s'", service);
	return -1;
}

static void on_step(struct progress *p, const json_t *event)
{
	const char *kind = jx_str(event, "kind"), *name = jx_str(event, "name"),
		   *status = jx_str(event, "status");

	if (kind && name && status)
		progress_step(p, kind, name, status, jx_str(event, "text"));
}

static void on_warn(struct cli *c, struct progress *p, const json_t *event)
{
	const char *service = jx_str(event, "service"), *msg = jx_str(event, "msg");

	progress_hide(p);
	if (service)
		ui_warn(&c->ui, "service '%s': %s", service, msg ? msg : "");
	else
		ui_warn(&c->ui, "%s", msg ? msg : "");
}

/* It waits for us, and not for ever: should it not hear us, it goes on all the same. */
static void on_evidence(struct cli *c)
{
	auto_json json_t *req = json_pack("{s:s}", "op", "evidence"), *answer = NULL;
	struct ctl *ctl = NULL;

	if (c->bundle)
		bundle_look(c->bundle);
	if (ctl_connect(c->pdirs.run_fd, &ctl, NULL) < 0)
		return;
	if (ctl_send(ctl, req, NULL) == 0)
		ctl_recv(ctl, ACT_END_MS, &answer, NULL);
	ctl_close(ctl);
}

/* The last words of what failed, before it goes. */
static void on_failed(struct cli *c, struct progress *p, const json_t *event)
{
	const json_t *lines = jx_arr(event, "lines"), *line;
	const char *name = jx_str(event, "name");
	size_t i;

	if (!name || !json_array_size(lines))
		return;
	progress_hide(p);
	ui_warn(&c->ui, "container '%s' said last:", name);
	json_array_foreach(lines, i, line) {
		auto_buf struct buf b = BUF_INIT;
		buf_printf(&b, "  %s\n", json_is_string(line) ? json_string_value(line) : "");
		ui_stderr(&b);
	}
}

static void on_undone(struct cli *c, struct progress *p, const json_t *event)
{
	const char *how = jx_bool(event, "stopped", false) ? "is there again, stopped" : "is running again";
	int64_t n = jx_int(event, "generation", 0);

	progress_hide(p);
	if (!jx_bool(event, "whole", true))
		ui_warn(&c->ui, "not all of what was there before could be brought back: 'davit ps -a' shows what is there");
	else if (jx_bool(event, "untouched", false) && !jx_bool(event, "stopped", false))
		ui_warn(&c->ui, "nothing was changed");
	else if (n)
		ui_warn(&c->ui, "what was done is undone: generation %lld %s", (long long)n, how);
	else
		ui_warn(&c->ui, "what was done is undone: what was there before %s", how);
}

int act_event(struct cli *c, struct progress *p, const json_t *event, struct err *err)
{
	const char *ev = jx_str(event, "ev");

	if (!ev)
		return ACT_MORE;
	if (STREQ(ev, "done"))
		return ACT_DONE;
	if (STREQ(ev, "error") && ctl_too_old(event))
		return replace_older(c, p, err);
	if (STREQ(ev, "error"))
		return on_error(c, event, err);
	if (STREQ(ev, "step"))
		on_step(p, event);
	else if (STREQ(ev, "evidence"))
		on_evidence(c);
	else if (STREQ(ev, "warn"))
		on_warn(c, p, event);
	else if (STREQ(ev, "failed"))
		on_failed(c, p, event);
	else if (STREQ(ev, "undone"))
		on_undone(c, p, event);
	return ACT_MORE;
}

int act_take(struct cli *c, struct ctl *ctl, struct progress *p, int timeout_ms, struct err *err)
{
	for (;; timeout_ms = 0) {
		auto_json json_t *event = NULL;
		int r = ctl_recv(ctl, timeout_ms, &event, err);

		if (r < 0)
			return ACT_LOST;
		if (r == 0)
			return ACT_MORE;
		r = act_event(c, p, event, err);
		if (r != ACT_MORE)
			return r;
	}
}

/* The supervisor closes the connection after its last word; when that word was the project's end, supervisor and keeper are gone by
 * then, so that who looks next finds nothing. */
static void await_end(struct ctl *ctl)
{
	auto_json json_t *event = NULL;

	ctl_recv(ctl, ACT_END_MS, &event, NULL);
}

static int one_try(struct cli *c, json_t *req, struct progress *p, struct err *err)
{
	struct ctl *ctl = NULL;
	int r = act_connect(c, &ctl, err);

	if (r == 0 && ctl_send(ctl, req, err) < 0)
		r = ACT_LOST;
	while (r == ACT_MORE) {
		r = act_take(c, ctl, p, progress_timeout_ms(p), err);
		progress_draw(p);
	}
	if (ctl && r != ACT_LOST)
		await_end(ctl);
	if (ctl)
		ctl_close(ctl);
	return r;
}

/* The records, or, of a project that is gone, that it is. Not the supervisor's work, whose loop must not wait for a disk. */
void act_sync(const struct cli *c)
{
	auto_free char *journal = xasprintf("%s/projects/%s/journal", c->dirs.state, c->name);
	auto_free char *projects = xasprintf("%s/projects", c->dirs.state);
	auto_close int fd = open(journal, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fdatasync(fd) == 0)
		return;
	auto_close int dir = open(projects, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		fsync(dir);
}

bool act_again(struct act_tries *t, int64_t now_ns)
{
	if (now_ns - t->last_ns > ACT_CALM_MS * MS_NS)
		t->n = 0;
	t->last_ns = now_ns;
	return t->n++ < ACT_TRIES;
}

int act_run(struct cli *c, json_t *req, const char *verb, struct err *err)
{
	struct act_tries tries = { 0 };
	struct progress *p;
	int r;

	if (c->g.dry_run)
		return dry_run(c, req, err);
	p = progress_new(&c->ui, verb);
	while ((r = one_try(c, req, p, err)) == ACT_LOST && act_again(&tries, clock_mono_ns()))
		err_done(err);
	json_decref(req);
	if (r == ACT_DONE)
		act_sync(c);
	progress_free(p);
	return r == ACT_DONE ? 0 : -1;
}
