#include "../util/auto.h"
#include "../util/json.h"
#include "../util/signame.h"
#include "act.h"

struct kill_opts {
	const char *signal;
	bool remove_orphans;
};

static const struct opt kill_flags[] = {
	{ 's', "signal", OPT_STRING, offsetof(struct kill_opts, signal),
	  "signal to send (SIGKILL)", "SIGNAL", "SIGKILL SIGTERM SIGINT SIGHUP SIGQUIT SIGUSR1 SIGUSR2 …" },
	{ 0, "remove-orphans", OPT_BOOL, offsetof(struct kill_opts, remove_orphans),
	  "also kill and remove containers of services that the file does not have" },
	{ 0 }
};

/* Whoever is not named is meant, but not who is no service of the file any more, as docker compose has it. False: nobody is left. */
static bool name_all_but(const struct cli *c, const struct strs *orphans, json_t *req)
{
	json_t *names = json_array();

	map_each(&c->world.units, it) {
		const struct unit_rec *r = it->value;

		if (cli_selected(c, r) && !strs_has(orphans, r->service))
			json_array_append_new(names, json_string(r->service));
	}
	json_object_set_new(req, "services", names);
	return json_array_size(names) > 0;
}

static int remove_all(struct cli *c, const struct strs *services, struct err *err)
{
	json_t *req = json_pack("{s:s, s:b}", "op", "rm", "stop", 1), *names = json_array();

	for (size_t i = 0; i < services->n; i++)
		json_array_append_new(names, json_string(services->v[i]));
	json_object_set_new(req, "services", names);
	return act_run(c, req, "Removing", err);
}

static int kill_run(struct cli *c, const void *opts, struct err *err)
{
	const struct kill_opts *o = opts;
	auto_strs struct strs orphans = STRS_INIT;
	json_t *req;

	if (signal_number(o->signal) < 0)
		return err_set(err, ERR_USAGE, "there is no signal '%s'", o->signal);
	c->runs = true;
	if (!act_any(c, "kill"))
		return 0;
	if (!c->args.n || o->remove_orphans)
		cli_orphans(c, &orphans);
	req = act_request(c, "kill");
	jx_set_str(req, "signal", o->signal);
	if (orphans.n && !o->remove_orphans && !name_all_but(c, &orphans, req)) {
		ui_warn(&c->ui, "project '%s' has only containers of services that the file does not have: --remove-orphans kills them", c->name);
		json_decref(req);
		return 0;
	}
	if (act_run(c, req, "Killing", err) < 0)
		return -1;
	return o->remove_orphans && orphans.n ? remove_all(c, &orphans, err) : 0;
}

const struct cmd cmd_kill = {
	.name = "kill",
	.args = "[SERVICE...]",
	.summary = "send a signal to services",
	.needs = NEED_ROOT | NEED_NAME | ARGS_ARE_SERVICES | CAN_DRY_RUN,
	.max_args = -1,
	.opts = kill_flags,
	.opts_size = sizeof(struct kill_opts),
	.defaults = &(const struct kill_opts){ .signal = "SIGKILL" },
	.run = kill_run,
};
