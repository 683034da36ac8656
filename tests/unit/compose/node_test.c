#include "fx.h"

static const struct pos nowhere;

static struct node *big_map(struct fx *fx, size_t n)
{
	struct node *map = node_new(fx->a, NODE_MAP, nowhere);
	char key[32];

	for (size_t i = 0; i < n; i++) {
		snprintf(key, sizeof key, "key%zu", i);
		node_set(fx->a, map, key, nowhere, node_int(fx->a, (long long)i, nowhere));
	}
	return map;
}

static void check_map(struct node *map, size_t from, size_t to, size_t absent)
{
	char key[32];

	for (size_t i = from; i < to; i++) {
		const struct node *n;

		snprintf(key, sizeof key, "key%zu", i);
		n = node_get(map, key);
		if (i == absent) {
			assert_null(n);
			continue;
		}
		assert_non_null(n);
		assert_int_equal(n->i, i);
	}
}

static void large_maps_find_every_key(void **state)
{
	struct node *map = big_map(*state, 5000);

	assert_int_equal(map->n, 5000);
	check_map(map, 0, 5000, SIZE_MAX);
	assert_null(node_get(map, "key5000"));
	assert_string_equal(map->pairs[17].key, "key17");
}

static void setting_again_replaces_in_place(void **state)
{
	struct fx *fx = *state;
	struct node *map = big_map(fx, 100);

	node_set(fx->a, map, "key5", nowhere, node_str(fx->a, "new", nowhere));
	assert_int_equal(map->n, 100);
	assert_string_equal(map->pairs[5].value->text, "new");
}

static void removal_and_sorting_keep_the_index_true(void **state)
{
	struct fx *fx = *state;
	struct node *map = big_map(fx, 100);

	assert_true(node_remove(map, "key50"));
	assert_false(node_remove(map, "key50"));
	check_map(map, 0, 100, 50);
	node_sort_keys(map);
	assert_string_equal(map->pairs[1].key, "key1");
	assert_string_equal(map->pairs[2].key, "key10");
	check_map(map, 0, 100, 50);
}

/* As many keys as before, but others: the index must not be taken for true. */
static void truncating_then_adding_keeps_the_index_true(void **state)
{
	struct fx *fx = *state;
	struct node *map = big_map(fx, 40);

	check_map(map, 0, 40, SIZE_MAX);
	memmove(map->pairs, map->pairs + 1, 39 * sizeof *map->pairs);
	node_truncate(map, 39);
	node_set(fx->a, map, "other", nowhere, node_int(fx->a, 7, nowhere));
	assert_int_equal(map->n, 40);
	assert_null(node_get(map, "key0"));
	assert_int_equal(node_get(map, "other")->i, 7);
	check_map(map, 1, 40, SIZE_MAX);
}

static void copies_are_deep(void **state)
{
	struct fx *fx = *state;
	struct node *n = fx_load(fx, "a: {b: [1, {c: x}]}\n"), *copy = node_copy(fx->a, n);

	assert_true(node_equal(n, copy));
	fx_at(copy, "a/b/1/c")->text = "y";
	assert_string_equal(fx_text(n, "a/b/1/c"), "x");
	assert_false(node_equal(n, copy));
	assert_int_equal(fx_at(copy, "a/b/0")->pos.col, 9);
}

static void copies_of_large_maps_stand_alone(void **state)
{
	struct fx *fx = *state;
	struct node *map = big_map(fx, 200), *copy = node_copy(fx->a, map);

	node_remove(copy, "key7");
	check_map(map, 0, 200, SIZE_MAX);
	check_map(copy, 0, 200, 7);
}

static void equality_ignores_the_order_of_keys(void **state)
{
	struct fx *fx = *state;

	assert_true(node_equal(fx_load(fx, "{a: 1, b: [x, 2.5]}"), fx_load(fx, "{b: [x, 2.5], a: 1}")));
	assert_false(node_equal(fx_load(fx, "{a: 1}"), fx_load(fx, "{a: '1'}")));
	assert_false(node_equal(fx_load(fx, "[a, b]"), fx_load(fx, "[b, a]")));
	assert_false(node_equal(fx_load(fx, "{a: 1}"), fx_load(fx, "{a: 1, b: 2}")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(large_maps_find_every_key),
		FX_TEST(setting_again_replaces_in_place),
		FX_TEST(removal_and_sorting_keep_the_index_true),
		FX_TEST(truncating_then_adding_keeps_the_index_true),
		FX_TEST(copies_are_deep),
		FX_TEST(copies_of_large_maps_stand_alone),
		FX_TEST(equality_ignores_the_order_of_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
