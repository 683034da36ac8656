/* config_views.c - the lists that `config` prints instead of the model. */
#include <stdlib.h>
#include <string.h>

#include "../../compose/node.h"
#include "../util/auto.h"
#include "config.h"

static void line(struct buf *out, const char *text)
{
	buf_printf(out, "%s\n", text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ------------------------------------------------------------------ names out of the model */

static int print_services(struct cli *c, const struct config_opts *o, struct buf *out, struct err *err)
{
	(void)o, (void)err;
	for (size_t i = 0; i < c->project->n_services; i++)
		line(out, c->project->services[i].name);
	return 0;
}

/* As the model is printed, which is not always what davit runs. */
static int print_keys(const struct cli *c, const char *section, struct buf *out)
{
	const struct node *map = c->project->root ? node_get(c->project->root, section) : NULL;
	auto_strs struct strs keys = STRS_INIT;

	for (size_t i = 0; map && map->kind == NODE_MAP && i < map->n; i++)
		strs_add(&keys, map->pairs[i].key);
	if (keys.n)
		qsort(keys.v, keys.n, sizeof *keys.v, by_text);
	for (size_t i = 0; i < keys.n; i++)
		line(out, keys.v[i]);
	return 0;
}

static int print_volumes(struct cli *c, const struct config_opts *o, struct buf *out, struct err *err)
{
	(void)o, (void)err;
	return print_keys(c, "volumes", out);
}

static int print_networks(struct cli *c, const struct config_opts *o, struct buf *out, struct err *err)
{
	(void)o, (void)err;
	return print_keys(c, "networks", out);
}

static int print_models(struct cli *c, const struct config_opts *o, struct buf *out, struct err *err)
{
	const struct node *models = c->project->root ? node_get(c->project->root, "models") : NULL;

	(void)o, (void)err;
	for (size_t i = 0; models && models->kind == NODE_MAP && i < models->n; i++) {
		const struct node *model = node_get(models->pairs[i].value, "model");

		if (model && model->text)
			line(out, model->text);
	}
	return 0;
}

static int print_images(struct cli *c, const struct config_opts *o, struct buf *out, struct err *err)
{
	(void)o, (void)err;
	for (size_t i = 0; i < c->project->n_services; i++) {
		const struct service *s = &c->project->services[i];

		if (s->image && !s->build.names_image)
			line(out, s->image);
		else
			buf_printf(
				out, "%s%s%s\n", c->project->name, c->g.compatibility ? "_" : "-", s->name);
	}
	return 0;
}

static void add_profiles(struct strs *all, const struct service *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < s[i].profiles.n; j++)
			if (!strs_has(all, s[i].profiles.v[j]))
				strs_add(all, s[i].profiles.v[j]);
}

static int print_profiles(struct cli *c, const struct config_opts *o, struct buf *out, struct err *err)
{
	auto_strs struct strs all = STRS_INIT;

	(void)o, (void)err;
	add_profiles(&all, c->project->services, c->project->n_services);
	add_profiles(&all, c->project->disabled, c->project->n_disabled);
	if (all.n)
		qsort(all.v, all.n, sizeof *all.v, by_text);
	for (size_t i = 0; i < all.n; i++)
		line(out, all.v[i]);
	return 0;
}

/* ------------------------------------------------------------------ hashes */

static void hash_names(const struct cli *c, const char *which, struct strs *names)
{
	if (STREQ(which, "*")) {
		for (size_t i = 0; i < c->project->n_services; i++)
			strs_add(names, c->project->services[i].name);
		return;
	}
	for (const char *p = which;; p++) {
		strs_addn(names, p, strcspn(p, ","));
		p += strcspn(p, ",");
		if (!*p)
			break;
	}
	qsort(names->v, names->n, sizeof *names->v, by_text);
}

static int print_hashes(struct cli *c, const struct config_opts *o, struct buf *out, struct err *err)
{
	auto_strs struct strs names = STRS_INIT;

	hash_names(c, o->hash, &names);
	for (size_t i = 0; i < names.n; i++) {
		const struct service *s = project_service(c->project, names.v[i]);

		auto_free char *hash = NULL;

		if (!s)
			return cli_no_service(c, names.v[i], err);
		hash = project_service_digest(c->project, s->name);
		buf_printf(out, "%s %s\n", s->name, hash);
	}
	return 0;
}

/* ------------------------------------------------------------------ variables */

static int print_environment(struct cli *c, const struct config_opts *o, struct buf *out, struct err *err)
{
	auto_strs struct strs all = STRS_INIT;
	struct diag known = DIAG_INIT; /* the model is loaded: all has been said */

	(void)err;
	compose_environment(&c->compose, c->project->name, &known, &all);
	diag_done(&known);
	for (size_t i = 0; !o->quiet && i < all.n; i++)
		line(out, all.v[i]);
	return 0;
}

static void variables_json(const struct compose_variable *v, size_t n, struct buf *out)
{
	buf_str(out, n ? "{\n" : "{}");
	for (size_t i = 0; i < n; i++) {
		buf_str(out, "    ");
		buf_json(out, v[i].name);
		buf_str(out, ": {\n        \"Name\": ");
		buf_json(out, v[i].name);
		buf_str(out, ",\n        \"DefaultValue\": ");
		buf_json(out, v[i].fallback);
		buf_str(out, ",\n        \"PresenceValue\": ");
		buf_json(out, v[i].alternate);
		buf_printf(out, ",\n        \"Required\": %s\n    }%s\n", v[i].required ? "true" : "false",
			i + 1 < n ? "," : "");
	}
	buf_str(out, n ? "}\n\n" : "\n\n");
}

static void variables_table(const struct compose_variable *v, size_t n, struct buf *out)
{
	static const char *const heads[] = { "NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE", NULL };
	struct table t;

	table_init(&t, heads);
	for (size_t i = 0; i < n; i++) {
		table_add(&t, v[i].name);
		table_add(&t, v[i].required ? "true" : "false");
		table_add(&t, v[i].fallback);
		table_add(&t, v[i].alternate);
	}
	table_format(&t, 20, out);
	table_done(&t);
}

static int print_variables(struct cli *c, const struct config_opts *o, struct buf *out, struct err *err)
{
	struct compose_variable *v = NULL;
	size_t n = 0;
	int r;

	if (o->format && *o->format && !STREQ(o->format, "json") && !STREQ(o->format, "table"))
		return err_set(
			err, ERR_USAGE, "--variables knows the formats table and json, not '%s'", o->format);
	r = compose_variables(&c->compose, &c->diag, &v, &n);
	if (c->diag.n)
		ui_diag(&c->ui, &c->diag);
	if (r < 0)
		return CLI_PRINTED;
	if (str_eq(o->format, "json"))
		variables_json(v, n, out);
	else
		variables_table(v, n, out);
	compose_variables_free(v, n);
	return 0;
}

/* ------------------------------------------------------------------ which of them */

#define O(field) offsetof(struct config_opts, field)
static const struct config_view views[] = {
	{ O(services), .whole = true, .print = print_services },
	{ O(volumes), .print = print_volumes },
	{ O(networks), .print = print_networks },
	{ O(models), .print = print_models },
	{ O(hash_asked), .reads_env_files = true, .print = print_hashes },      /* as `up`, so that a container has the same */
	{ O(profiles), .takes_services = true, .print = print_profiles },
	{ O(images), .takes_services = true, .print = print_images },
	{ O(variables), .modelless = true, .print = print_variables },
	{ O(environment), .takes_services = true, .reads_env_files = true, .print = print_environment },
};

const struct config_view *config_view_find(const struct config_opts *o)
{
	for (size_t i = 0; i < ARRAY_LEN(views); i++)
		if (*(const bool *)((const char *)o + views[i].asked))
			return &views[i];
	return NULL;
}
