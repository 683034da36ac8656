/* x_davit.c - what a service says beyond the Compose Specification: the rows of `x-davit`, their short forms, and their fields.
 *
 * The reference prints an x- key and leaves it alone, and so do merging and `config` here. Once the files are merged, a copy of it is made
 * canonical by the rows below, as `$davit` of the service; that is what travels to the supervisor and is acted on. */
/* clang-format off: a row is a line, a table has columns */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "canon.h"
#include "lower.h"
#include "val.h"

static attr_canon_fn canon_http, canon_path, canon_host, canon_status, canon_tcp;

static const struct attr http[] = {
	{ "port",   A_INT,  M_REPLACE, .min = 1, .max = 65535, .help = "port in the container" },
	{ "path",   A_STR,  M_REPLACE, .canon = canon_path, .help = "what is asked for" },
	{ "host",   A_STR,  M_REPLACE, .canon = canon_host, .help = "the Host header" },
	{ "status", A_TEXT, M_REPLACE, .canon = canon_status, .help = "good answers: 204, 200-399" },
	{ 0 }
};
static const struct attr probe[] = {
	{ "http", A_OBJ, M_DEEP, .kids = http, .canon = canon_http, .help = "a GET must be answered well" },
	{ "tcp",  A_INT, M_REPLACE, .min = 1, .max = 65535, .canon = canon_tcp, .help = "a port must accept connections" },
	{ 0 }
};
static const struct attr x_davit[] = {
	{ "probe",        A_OBJ, M_DEEP, .kids = probe, .help = "a health check without a command" },
	{ "on_unhealthy", A_STR, M_REPLACE, AF_ENUM, .words = "restart|stop|none", .help = "what happens then" },
	{ 0 }
};
static const struct attr x_davit_row = { "x-davit", A_OBJ, M_DEEP, AF_NOX, .kids = x_davit };
/* clang-format on */

/* ------------------------------------------------------------------ short forms */

static struct node *is_plain(struct canon *c, const struct attr *row, struct node *n, const char *text,
	int (*check)(struct arena *, const char *, char **))
{
	char *why;

	if (!text || check(c->a, text, &why) == 0)
		return n;
	return canon_error(c, n, "'%s': %s", canon_subject(c, row), why);
}

static const char *text_of(const struct node *n)
{
	return n->kind == NODE_STR || n->kind == NODE_INT ? n->text : NULL;
}

static struct node *canon_path(struct canon *c, const struct attr *row, struct node *n)
{
	return is_plain(c, row, n, text_of(n), val_http_path);
}

static struct node *canon_host(struct canon *c, const struct attr *row, struct node *n)
{
	return is_plain(c, row, n, text_of(n), val_http_host);
}

static int check_status(struct arena *a, const char *text, char **ret_why)
{
	unsigned min, max;

	return val_http_status(a, text, &min, &max, ret_why);
}

static struct node *canon_status(struct canon *c, const struct attr *row, struct node *n)
{
	return is_plain(c, row, n, text_of(n), check_status);
}

/* ":8080/healthz" */
static struct node *canon_http(struct canon *c, const struct attr *row, struct node *n)
{
	struct val_http v;
	struct node *map;
	char *why;

	if (n->kind != NODE_STR && n->kind != NODE_INT)
		return n->kind == NODE_MAP ? n : canon_wrong(c, row, n, "a string such as \":8080/healthz\", or a mapping");
	if (val_http(c->a, n->text, &v, &why) < 0)
		return canon_error(c, n, "'%s': %s", canon_subject(c, row), why);
	map = canon_like(c, n, NODE_MAP);
	canon_set(c, map, "port", n, canon_place(node_int(c->a, v.port, n->pos), n));
	canon_set_str(c, map, "path", n, v.path);
	canon_set_str(c, map, "host", n, v.host);
	return map;
}

/* ":5432" */
static struct node *canon_tcp(struct canon *c, const struct attr *row, struct node *n)
{
	return n->kind == NODE_STR && n->text[0] == ':' ? canon_str(c, n, n->text + 1) : n;
}

/* ------------------------------------------------------------------ what does not go together */

static void check_probe(struct canon *c, const struct node *service, const struct node *own)
{
	const struct node *n = tree_map(own, "probe");
	const struct node *web = n ? node_get(n, "http") : NULL, *tcp = n ? node_get(n, "tcp") : NULL;
	const struct node *check = tree_map(service, "healthcheck"), *test = tree_seq(check, "test");

	if (!n || n->wrong)
		return;
	if (web && tcp) {
		canon_error(c, tcp, "'http' and 'tcp' exclude each other");
		diag_note(c->s->d, web->pos, "'http' is here");
		if (web->pos.file != tcp->pos.file)
			canon_hint(c, "'probe: !override' in the later file takes the place of the earlier one's");
	} else if (!web && !tcp) {
		canon_error(c, n, "'probe' needs 'http' or 'tcp'");
		canon_hint(c, "http: \":8080/healthz\"");
	} else if (tree_true(check, "disable") ||
		   (test && test->n && test->items[0]->kind == NODE_STR && STREQ(test->items[0]->text, "NONE"))) {
		canon_warn(c, n, "the probe has no effect: 'healthcheck' is disabled");
	}
}

/* What follows a key and is nothing says nothing; complete_tree() does not look here. */
static void drop_nulls(struct canon *c, const struct attr *row, struct node *n)
{
	for (size_t i = n->n; n->kind == NODE_MAP && i-- > 0;) {
		const struct attr *kid = attr_find(row, n->pairs[i].key);
		size_t mark = canon_push(c, n->pairs[i].key);

		if (kid && n->pairs[i].value->kind != NODE_NULL)
			drop_nulls(c, kid, n->pairs[i].value);
		else if (kid && !n->pairs[i].value->wrong)
			canon_wrong(c, kid, n->pairs[i].value, canon_wanted(kid));
		canon_pop(c, mark);
		if (kid && n->pairs[i].value->kind == NODE_NULL) {
			node_remove(n, n->pairs[i].key);
			n->wrong = true;
		}
	}
}

static void x_davit_service(const struct stage_ctx *s, const struct node_pair *p)
{
	const struct node *given = node_get(p->value, "x-davit");
	struct canon c = { .s = s, .a = s->a, .path = BUF_INIT, .obj = &attr_service };
	struct node *own;

	if (!given || given->kind == NODE_NULL)
		return;
	canon_push(&c, "services");
	canon_push(&c, p->key);
	canon_push(&c, "x-davit");
	own = canon_value(&c, &x_davit_row, node_copy(s->a, given));
	drop_nulls(&c, &x_davit_row, own);
	canon_push(&c, "probe");
	check_probe(&c, p->value, own);
	node_set(s->a, p->value, "$davit", given->pos, own);
	buf_done(&c.path);
}

/* Nobody hears of a mistake in an x- key but from us. */
static void warn_of_near_misses(const struct stage_ctx *s, const char *path, const struct node *map)
{
	tree_each(map, p) {
		if (!attr_is_extension(p->key) || STREQ(p->key, "x-davit") || str_distance(p->key, "x-davit") > 1)
			continue;
		diag_warn(s->d, p->key_pos, "'%s' is nobody's", p->key);
		diag_where(s->d, arena_printf(s->a, "%s%s", path, p->key), NULL, (unsigned)strlen(p->key));
		diag_hint(s->d, "did you mean 'x-davit'?");
	}
}

static void warn_of_wrong_level(const struct stage_ctx *s, const struct node *root)
{
	tree_each(tree_map(root, "x-davit"), p) {
		if (!attr_find(&x_davit_row, p->key))
			continue;
		diag_warn(s->d, p->key_pos, "'%s' has no effect here: it is about a service", p->key);
		diag_where(s->d, arena_printf(s->a, "x-davit.%s", p->key), NULL, (unsigned)strlen(p->key));
		diag_hint(s->d, "indent 'x-davit:' below the service's name");
	}
}

void x_davit_tree(const struct stage_ctx *s, struct node *root)
{
	if (s->no_interpolate)
		return;
	warn_of_wrong_level(s, root);
	tree_each(tree_map(root, "services"), p) {
		if (p->value->kind != NODE_MAP)
			continue;
		warn_of_near_misses(s, arena_printf(s->a, "services.%s.", p->key), p->value);
		x_davit_service(s, p);
	}
}

/* ------------------------------------------------------------------ fields */

static void low_http(struct lower *l, struct probe *to, const struct node *n)
{
	const char *status = tree_str(n, "status");
	char *why;

	to->kind = PROBE_HTTP;
	to->port = (unsigned)low_int(n, "port", 80);
	to->path = low_str(l, n, "path");
	to->host = low_str(l, n, "host");
	if (!to->path)
		to->path = arena_strdup(l->a, "/");
	if (!to->host)
		to->host = to->port == 80 ? arena_strdup(l->a, "localhost") : arena_printf(l->a, "localhost:%u", to->port);
	if (!status || val_http_status(l->a, status, &to->status_min, &to->status_max, &why) < 0) {
		to->status_min = 200;
		to->status_max = 399;
	}
}

void low_x_davit(struct lower *l, struct service *svc, const struct node *n)
{
	const struct node *own = tree_map(n, "$davit"), *given = tree_map(own, "probe");
	const char *action = tree_str(own, "on_unhealthy");

	if (tree_map(given, "http")) {
		low_http(l, &svc->probe, tree_map(given, "http"));
	} else if (given && node_get(given, "tcp")) {
		svc->probe.kind = PROBE_TCP;
		svc->probe.port = (unsigned)low_int(given, "tcp", 0);
	}
	if (action && STREQ(action, "restart"))
		svc->on_unhealthy = UNHEALTHY_RESTART;
	else if (action && STREQ(action, "stop"))
		svc->on_unhealthy = UNHEALTHY_STOP;
}
