/* `config`: what compose/ makes of the files. Its printed forms are the reference's; only lists are made
 * here. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../compose/node.h"
#include "../util/auto.h"
#include "../util/path.h"
#include "cli.h"

struct config_opts {
	const char *format, *output, *hash;
	bool quiet, services, volumes, networks, images, profiles, models, environment, variables;
	bool no_interpolate, no_normalize, no_path_resolution, no_env_resolution, no_consistency;
};

#define C(field) offsetof(struct config_opts, field)
static const struct opt config_flags[] = {
	{ 0, "format", OPT_STRING, C(format), "yaml or json", "KIND" },
	{ 'o', "output", OPT_STRING, C(output), "write to a file instead of standard output", "FILE" },
	{ 'q', "quiet", OPT_BOOL, C(quiet), "only check the files, print nothing" },
	{ 0, "services", OPT_BOOL, C(services), "print the names of the services, one per line" },
	{ 0, "volumes", OPT_BOOL, C(volumes), "print the names of the volumes, one per line" },
	{ 0, "networks", OPT_BOOL, C(networks), "print the names of the networks, one per line" },
	{ 0, "images", OPT_BOOL, C(images), "print the names of the images, one per line" },
	{ 0, "profiles", OPT_BOOL, C(profiles), "print the names of the profiles, one per line" },
	{ 0, "models", OPT_BOOL, C(models), "print the names of the models, one per line" },
	{ 0, "hash", OPT_STRING, C(hash),
	  "print the configuration hash of services: names with commas between, or *", "SERVICES" },
	{ 0, "no-interpolate", OPT_BOOL, C(no_interpolate), "leave variables as they are" },
	{ 0, "no-normalize", OPT_BOOL, C(no_normalize), "do not fill in what is implied" },
	{ 0, "no-path-resolution", OPT_BOOL, C(no_path_resolution), "leave paths as they are" },
	{ 0, "no-env-resolution", OPT_BOOL, C(no_env_resolution), "do not read the services' env files" },
	{ 0, "no-consistency", OPT_BOOL, C(no_consistency),
	  "do not check that what is referred to is there" },
	{ 0, "environment", OPT_BOOL, C(environment),
	  "print the variables that the files can use, and their values" },
	{ 0, "variables", OPT_BOOL, C(variables), "print the variables that the files do use" },
	{ 0, "lock-image-digests", OPT_REFUSED, 0, "davit does not ask registries" },
	{ 0, "resolve-image-digests", OPT_REFUSED, 0, "davit does not ask registries" },
	{ 0 }
};

static void line(struct buf *out, const char *text)
{
	buf_printf(out, "%s\n", text);
}

static void list_images(const struct project *p, struct buf *out)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (s->image)
			line(out, s->image);
		else
			buf_printf(out, "%s-%s\n", p->name, s->name);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_profiles(struct strs *all, const struct service *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < s[i].profiles.n; j++)
			if (!strs_has(all, s[i].profiles.v[j]))
				strs_add(all, s[i].profiles.v[j]);
}

static void list_profiles(const struct project *p, struct buf *out)
{
	auto_strs struct strs all = STRS_INIT;

	add_profiles(&all, p->services, p->n_services);
	add_profiles(&all, p->disabled, p->n_disabled);
	if (all.n)
		qsort(all.v, all.n, sizeof *all.v, by_text);
	for (size_t i = 0; i < all.n; i++)
		line(out, all.v[i]);
}

static void list_models(const struct project *p, struct buf *out)
{
	const struct node *models = p->root ? node_get(p->root, "models") : NULL;

	for (size_t i = 0; models && i < models->n; i++) {
		const struct node *model = node_get(models->pairs[i].value, "model");

		if (model && model->text)
			line(out, model->text);
	}
}

static void list_volumes(const struct project *p, struct buf *out)
{
	for (size_t i = 0; i < p->n_volumes; i++)
		if (!p->volumes[i].hidden)
			line(out, p->volumes[i].key);
}

/* 1: a list was asked for. */
static int lists(const struct project *p, const struct config_opts *o, struct buf *out)
{
	if (o->services)
		for (size_t i = 0; i < p->n_services; i++)
			line(out, p->services[i].name);
	else if (o->volumes)
		list_volumes(p, out);
	else if (o->networks)
		for (size_t i = 0; i < p->n_networks; i++)
			line(out, p->networks[i].key);
	else if (o->images)
		list_images(p, out);
	else if (o->profiles)
		list_profiles(p, out);
	else if (o->models)
		list_models(p, out);
	else
		return 0;
	return 1;
}

static int hashes(struct cli *c, const char *which, struct buf *out, struct err *err)
{
	project_hash(c->project);
	for (size_t i = 0; STREQ(which, "*") && i < c->project->n_services; i++)
		buf_printf(out, "%s %s\n", c->project->services[i].name, c->project->services[i].config_hash);
	if (STREQ(which, "*"))
		return 0;
	while (*which) {
		size_t n = strcspn(which, ",");
		auto_strs struct strs name = STRS_INIT;
		const struct service *s;

		strs_addn(&name, which, n);
		s = project_service(c->project, name.v[0]);
		if (!s)
			return cli_no_service(c, name.v[0], err);
		buf_printf(out, "%s %s\n", s->name, s->config_hash);
		which += n + (which[n] == ',');
	}
	return 0;
}

static int write_out(struct cli *c, const char *file, const struct buf *text, struct err *err)
{
	if (!file) {
		buf_add(&c->ui.out, text->p ? text->p : "", text->len);
		/* the reference ends JSON without a newline, which a terminal shows badly */
		if (isatty(STDOUT_FILENO) && text->len && text->p[text->len - 1] != '\n')
			buf_char(&c->ui.out, '\n');
		return 0;
	}
	if (path_write(AT_FDCWD, file, text->p ? text->p : "", text->len, 0644, 0, err) < 0)
		return err_wrap(err, "output '%s'", file);
	return 0;
}

/* --- about variables: no model is needed --- */

static int said(struct cli *c, int r)
{
	if (c->diag.n)
		ui_diag(&c->ui, &c->diag);
	return r < 0 ? CLI_PRINTED : 0;
}

static int list_environment(struct cli *c, struct buf *out)
{
	auto_strs struct strs all = STRS_INIT;
	int r = said(c, compose_environment(&c->compose, &c->diag, &all));

	for (size_t i = 0; r == 0 && i < all.n; i++)
		line(out, all.v[i]);
	return r;
}

static int list_variables(struct cli *c, struct buf *out)
{
	static const char *const heads[] = { "NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE", NULL };
	struct compose_variable *v = NULL;
	struct table t;
	size_t n = 0;
	int r = said(c, compose_variables(&c->compose, &c->diag, &v, &n));

	if (r)
		return r;
	table_init(&t, heads);
	for (size_t i = 0; i < n; i++) {
		table_add(&t, v[i].name);
		table_add(&t, v[i].required ? "true" : "false");
		table_add(&t, v[i].fallback);
		table_add(&t, v[i].alternate);
	}
	table_format(&t, 20, out);
	table_done(&t);
	compose_variables_free(v, n);
	return 0;
}

/* Everything that is made of the model. */
static int print_model(struct cli *c, const struct config_opts *o, struct buf *text, struct err *err)
{
	int r = cli_load(c, err);

	if (r || o->quiet)
		return r;
	if (o->hash)
		r = hashes(c, o->hash, text, err);
	else if (lists(c->project, o, text))
		r = 0;
	else if (o->format && STREQ(o->format, "json"))
		project_dump_json(c->project, text);
	else
		project_dump_yaml(c->project, text);
	return r;
}

static int config_run(struct cli *c, const void *opts, struct err *err)
{
	const struct config_opts *o = opts;
	auto_buf struct buf text = BUF_INIT;
	int r;

	if (o->format && !STREQ(o->format, "json") && !STREQ(o->format, "yaml"))
		return err_set(err, ERR_USAGE, "unsupported format '%s': there are yaml and json", o->format);
	if (c->args.n && !o->services && !o->hash) /* these two are about all, as docker compose has it */
		c->compose.services = (const char *const *)c->args.v;
	c->compose.no_interpolate = o->no_interpolate;
	c->compose.no_normalize = o->no_normalize;
	c->compose.no_path_resolution = o->no_path_resolution;
	c->compose.no_env_resolution = o->no_env_resolution;
	c->compose.no_consistency = o->no_consistency;
	if (o->environment)
		r = list_environment(c, &text);
	else if (o->variables)
		r = list_variables(c, &text);
	else
		r = print_model(c, o, &text, err);
	return r || o->quiet ? r : write_out(c, o->output, &text, err);
}

const struct cmd cmd_config = {
	.name = "config",
	.args = "[SERVICE...]",
	.summary = "check the compose files and print what they come to",
	.max_args = -1,
	.opts = config_flags,
	.opts_size = sizeof(struct config_opts),
	.run = config_run,
};
