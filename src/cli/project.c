/* project.c - what commands need before they run: the user, the project's name, its records, its files. */
#include "cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"

static int need_root(struct err *err)
{
	if (geteuid() == 0)
		return 0;
	return err_set(err, ERR_PERM, "davit needs root for now");
}

/* An empty answer would mislead who has brought his project up with sudo. */
static void tell_whose(struct cli *c)
{
	if (geteuid() != 0 && !cli_project_exists(c) && !getenv("DAVIT_STATE_DIR") && !c->g.state_dir)
		ui_warn(&c->ui, "davit runs containers as root for now, and shows them to root; try it with sudo");
}

static int open_dirs(struct cli *c, struct err *err)
{
	if (pdirs_open(&c->dirs, c->name, false, &c->pdirs, err) < 0)
		return -1;
	tell_whose(c);
	return cli_reload_world(c, err);
}

int cli_reload_world(struct cli *c, struct err *err)
{
	struct world fresh = { 0 };

	if (c->pdirs.state_fd >= 0 && world_load(c->pdirs.state_fd, &fresh, err) < 0)
		return err_wrap(err, "project '%s'", c->name);
	world_done(&c->world);
	c->world = fresh;
	return 0;
}

bool cli_project_exists(const struct cli *c)
{
	return c->pdirs.state_fd >= 0 || c->pdirs.run_fd >= 0;
}

static int loaded(struct cli *c, int r, struct err *err)
{
	if (c->diag.n)
		ui_diag(&c->ui, &c->diag);
	if (r < 0 && !c->diag.n)
		return err_set(err, ERR_INPUT, "the compose file cannot be used");
	return r < 0 ? CLI_PRINTED : 0;
}

int cli_load(struct cli *c, struct err *err)
{
	return loaded(c, compose_load(&c->compose, &c->diag, &c->project), err);
}

static const struct service *disabled_service(const struct project *p, const char *name)
{
	for (size_t i = 0; i < p->n_disabled; i++)
		if (STREQ(p->disabled[i].name, name))
			return &p->disabled[i];
	return NULL;
}

/* Profiles of the environment count only when none are named: then they are, so that more can be added. */
static void name_profiles(struct cli *c)
{
	static const char key[] = "COMPOSE_PROFILES=";
	struct diag ignored = DIAG_INIT;
	auto_strs struct strs env = STRS_INIT;

	if (c->g.profiles.n)
		return;
	compose_environment(&c->compose, c->project->name, &ignored, &env);
	diag_done(&ignored);
	for (size_t i = 0; i < env.n; i++) {
		if (!str_starts(env.v[i], key))
			continue;
		for (const char *p = env.v[i] + strlen(key); *p; p += strspn(p, ",")) {
			strs_addn(&c->g.profiles, p, strcspn(p, ","));
			p += strcspn(p, ",");
		}
	}
}

/* Naming a service enables it: its profiles join those that were asked for. Returns how many were added. */
static size_t enable_named(struct cli *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->args.n; i++)
		if (disabled_service(c->project, c->args.v[i]))
			name_profiles(c);
	for (size_t i = 0; i < c->args.n; i++) {
		const struct service *s = disabled_service(c->project, c->args.v[i]);

		for (size_t j = 0; s && j < s->profiles.n; j++, n++)
			strs_add(&c->g.profiles, s->profiles.v[j]);
	}
	c->compose.profiles = c->g.profiles;
	return n;
}

/* The whole model, not only what the arguments name: what they leave out still belongs to the project. */
static int load_whole(struct cli *c, struct err *err)
{
	int r;

	c->compose.default_platform = true;
	r = compose_load(&c->compose, &c->diag, &c->project);

	if (r == 0 && enable_named(c)) {
		project_free(take(c->project));
		diag_done(&c->diag);
		c->diag = DIAG_INIT;
		r = compose_load(&c->compose, &c->diag, &c->project);
	}
	r = loaded(c, r, err);
	for (size_t i = 0; r == 0 && i < c->args.n; i++)
		if (!project_service(c->project, c->args.v[i]))
			r = cli_no_service(c, c->args.v[i], err);
	return r;
}

/* Who names a file means it, also where the project's name is all that is needed. */
static int check_files(const struct cli *c, struct err *err)
{
	for (size_t i = 0; i < c->compose.files.n; i++)
		if (!STREQ(c->compose.files.v[i], "-") && access(c->compose.files.v[i], F_OK) < 0)
			return err_sys(err, errno, "cannot open '%s'", c->compose.files.v[i]);
	return 0;
}

static int find_name(struct cli *c, struct err *err)
{
	int r;

	if (check_files(c, err) < 0)
		return -1;
	r = compose_find(&c->compose, &c->diag, &c->name, &c->dir);

	if (c->diag.n)
		ui_diag(&c->ui, &c->diag);
	if (r < 0 && !c->diag.n)
		return err_set(err, ERR_INPUT, "the project's name cannot be found out");
	return r < 0 ? CLI_PRINTED : 0;
}

bool cli_selected(const struct cli *c, const struct unit_rec *r)
{
	if (r->init_of)                  /* a step of pre_start: the supervisor's own affair */
		return false;
	if (r->run && !c->runs)
		return false;
	if (!c->args.n)
		return true;
	for (size_t i = 0; i < c->args.n; i++)
		if (str_eq(c->args.v[i], r->service))
			return true;
	return false;
}

static void collect_services(const struct cli *c, const struct project *p, struct strs *names)
{
	for (size_t i = 0; p && i < p->n_services; i++)
		strs_add(names, p->services[i].name);
	for (size_t i = 0; p && i < p->n_disabled; i++)
		strs_add(names, p->disabled[i].name);
	map_each(&c->world.units, it) {
		const struct unit_rec *r = it->value;

		if (r->service && !strs_has(names, r->service))
			strs_add(names, r->service);
	}
}

bool cli_hint_service(struct cli *c, const char *name, struct err *err)
{
	auto_strs struct strs names = STRS_INIT;
	const char *near;

	collect_services(c, c->project, &names);
	near = names.n && !strs_has(&names, name) ? str_nearest(name, (const char *const *)names.v) : NULL;
	if (near)
		err_hint(err, "did you mean '%s'?", near);
	return near;
}

int cli_no_service(struct cli *c, const char *name, struct err *err)
{
	err_set(err, ERR_NOT_FOUND, "no such service: '%s'", name);
	cli_hint_service(c, name, err);
	return -1;
}

static bool in_world(const struct cli *c, const char *service)
{
	map_each(&c->world.units, it)
		if (str_eq(((struct unit_rec *)it->value)->service, service))
			return true;
	return false;
}

/* Names that have containers are known without reading a file, which is the usual case; the others may
 * still be in the files. */
bool cli_is_service(struct cli *c, const char *name)
{
	struct compose_opts all = c->compose;
	struct diag ignored = DIAG_INIT;
	auto_strs struct strs names = STRS_INIT;

	if (in_world(c, name))
		return true;
	all.services = NULL;
	if (!c->project && c->dir && compose_load(&all, &ignored, &c->project) < 0)
		c->project = NULL;
	diag_done(&ignored);
	collect_services(c, c->project, &names);
	return strs_has(&names, name);
}

static int check_services(struct cli *c, struct err *err)
{
	for (size_t i = 0; i < c->args.n; i++)
		if (!cli_is_service(c, c->args.v[i]))
			return cli_no_service(c, c->args.v[i], err);
	return 0;
}

int cli_need(struct cli *c, unsigned needs, struct err *err)
{
	int r;

	if ((needs & NEED_ROOT) && need_root(err) < 0)
		return -1;
	if (!c->dirs.state && dirs_init(c->g.state_dir, c->g.run_dir, &c->dirs, err) < 0)
		return -1;
	if (needs & NEED_MODEL) {
		r = load_whole(c, err);
		if (r)
			return r;
		c->name = xstrdup(c->project->name);
		c->dir = xstrdup(c->project->working_dir);
		return open_dirs(c, err) < 0 ? -1 : cli_check_origin(c, needs, err);
	}
	if (!(needs & NEED_NAME))
		return 0;
	r = find_name(c, err);
	if (r)
		return r;
	if (open_dirs(c, err) < 0 || cli_check_origin(c, needs, err) < 0)
		return -1;
	return needs & ARGS_ARE_SERVICES ? check_services(c, err) : 0;
}
