/* Any bytes as a YAML file: refused with a reason, or trees that keep what node.h promises. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../../compose/diag.h"
#include "../../compose/load.h"
#include "../../src/util/arena.h"
#include "../../src/util/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static void check_text(const char *text, size_t len)
{
	require(text[len] == '\0' && strlen(text) == len && len <= LOAD_MAX_SCALAR);
	require(str_is_utf8(text, len));
}

static void check_node(const struct node *n, unsigned depth)
{
	require(depth <= LOAD_MAX_DEPTH && n->pos.line > 0 && n->pos.col > 0);
	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++)
		check_node(n->items[i], depth + 1);
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++) {
		const struct node_pair *p = &n->pairs[i];

		check_text(p->key, strlen(p->key));
		require(node_pair_get(n, p->key) == p);
		check_node(p->value, depth + 1);
	}
	if (n->kind != NODE_SEQ && n->kind != NODE_MAP)
		check_text(n->text, n->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct diag d = DIAG_INIT;
	struct node **docs;
	size_t n;
	int r = load_text(a, &d, "fuzz.yaml", (const char *)data, size, &docs, &n);

	require((r < 0) == diag_failed(&d));
	for (size_t i = 0; r == 0 && i < n; i++) {
		check_node(docs[i], 1);
		require(node_equal(docs[i], node_copy(a, docs[i])) && node_count(docs[i]) <= LOAD_MAX_NODES);
	}
	diag_sort(&d);
	diag_done(&d);
	arena_free(a);
	return 0;
}
