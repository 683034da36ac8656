/* fx.h - what the tests of compose share: an arena and a diag per test, texts into trees, and questions about
 * what was reported. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../compose/diag.h"
#include "../../../compose/load.h"
#include "../../../compose/node.h"
#include "../../../src/util/arena.h"

struct fx {
	struct arena *a;
	struct diag d;
};

static inline int fx_setup(void **state)
{
	struct fx *fx = calloc(1, sizeof *fx);

	fx->a = arena_new();
	*state = fx;
	return 0;
}

static inline int fx_teardown(void **state)
{
	struct fx *fx = *state;

	arena_free(fx->a);
	diag_done(&fx->d);
	free(fx);
	return 0;
}

#define FX_TEST(f) cmocka_unit_test_setup_teardown(f, fx_setup, fx_teardown)

/* The first document; it must load. */
static inline struct node *fx_load(struct fx *fx, const char *text)
{
	struct node **docs;
	size_t n;

	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text, strlen(text), &docs, &n), 0);
	assert_true(n >= 1);
	return docs[0];
}

/* The node behind keys joined by '/', with numbers for items. */
static inline struct node *fx_at(struct node *n, const char *path)
{
	char key[128];

	while (n && *path) {
		size_t len = strcspn(path, "/");

		snprintf(key, sizeof key, "%.*s", (int)len, path);
		if (n->kind == NODE_SEQ)
			n = strtoul(key, NULL, 10) < n->n ? n->items[strtoul(key, NULL, 10)] : NULL;
		else
			n = node_get(n, key);
		path += len + (path[len] == '/');
	}
	return n;
}

static inline const char *fx_text(struct node *n, const char *path)
{
	struct node *at = fx_at(n, path);

	return at && at->kind != NODE_SEQ && at->kind != NODE_MAP ? at->text : NULL;
}

/* The first problem of a level whose message holds `part`. */
static inline const struct diag_item *fx_problem(const struct fx *fx, enum diag_level level, const char *part)
{
	for (size_t i = 0; i < fx->d.n; i++) {
		if (fx->d.items[i].level == level && strstr(fx->d.items[i].msg, part))
			return &fx->d.items[i];
	}
	for (size_t i = 0; i < fx->d.n; i++)
		print_message("reported: %u:%u %s\n", fx->d.items[i].pos.line, fx->d.items[i].pos.col,
			fx->d.items[i].msg);
	fail_msg("nothing reported with '%s'", part);
	return NULL;
}

static inline void fx_error_at(const struct fx *fx, const char *part, unsigned line, unsigned col)
{
	const struct diag_item *it = fx_problem(fx, DIAG_ERROR, part);

	assert_int_equal(it->pos.line, line);
	assert_int_equal(it->pos.col, col);
}
