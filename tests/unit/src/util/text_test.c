/* arena, buf, map, mem: where text lives */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../../../src/util/arena.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/map.h"
#include "../../../../src/util/mem.h"

static void arena_memory_is_zeroed_aligned_and_separate(void **state)
{
	struct arena *a = arena_new();
	unsigned char *prev = NULL;
	size_t prev_n = 0;

	for (size_t i = 0; i < 3000; i++) {
		size_t n = i % 97 == 0 ? 20000 : i % 61;
		unsigned char *p = arena_alloc(a, n);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t j = 0; j < n; j++)
			assert_int_equal(p[j], 0);
		memset(p, 0xee, n);
		for (size_t j = 0; j < prev_n; j++)
			assert_int_equal(prev[j], 0xee);
		prev = p;
		prev_n = n;
	}
	assert_true(arena_bytes(a) > 31 * 20000);
	arena_free(a);
	arena_free(NULL);
}

static void arena_text(void **state)
{
	struct arena *a = arena_new();
	char *big = xmalloc(70001);

	assert_null(arena_strdup(a, NULL));
	assert_string_equal(arena_strdup(a, "web"), "web");
	assert_string_equal(arena_strndup(a, "web-1", 3), "web");
	assert_string_equal(arena_printf(a, "%s-%d", "web", 1), "web-1");
	memset(big, 'x', 70000);
	big[70000] = '\0';
	assert_string_equal(arena_printf(a, "%s", big), big);
	free(big);
	arena_free(a);
}

static void buf_is_a_string_at_any_time(void **state)
{
	struct buf b = BUF_INIT;
	char *text;

	text = buf_take(&b);
	assert_string_equal(text, "");
	free(text);
	for (int i = 0; i < 1000; i++) {
		buf_printf(&b, "%d,", i);
		assert_int_equal(strlen(b.p), b.len);
	}
	buf_consume(&b, 2);
	assert_memory_equal(b.p, "1,2,3,", 6);
	buf_consume(&b, 1000000);
	assert_string_equal(b.p, "");
	buf_add(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	buf_consume(&b, 2);
	assert_string_equal(b.p, "b");
	buf_printf(&b, "%0500d", 7);
	assert_int_equal(b.len, 501);
	buf_done(&b);
	buf_consume(&b, 3);
	buf_done(&b);
}

static void buf_json_escapes(void **state)
{
	auto_buf struct buf b = BUF_INIT;

	buf_json(&b, "a\"b\\c\n\t\x01\x7f/\xc3\xa4\xff\xe2\x82");
	assert_string_equal(
		b.p, "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f/\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void map_keeps_order(void **state)
{
	static const char *const keys[] = { "zeta", "alpha", "mid", "" };
	struct map m = MAP_INIT;
	size_t i = 0;
	int v[5] = { 0 };

	assert_null(map_get(&m, "zeta"));
	assert_null(map_remove(&m, "zeta"));
	for (i = 0; i < 4; i++)
		assert_null(map_set(&m, keys[i], &v[i]));
	i = 0;
	map_each (&m, it)
		assert_string_equal(it->key, keys[i++]);
	assert_int_equal(i, 4);
	assert_ptr_equal(map_set(&m, "alpha", &v[4]), &v[1]);
	assert_ptr_equal(m.items[1].value, &v[4]);
	assert_ptr_equal(map_remove(&m, "alpha"), &v[4]);
	assert_false(map_has(&m, "alpha"));
	assert_string_equal(m.items[1].key, "mid");
	assert_ptr_equal(map_get(&m, "mid"), &v[2]);
	assert_ptr_equal(map_get(&m, ""), &v[3]);
	map_set(&m, "null", NULL);
	assert_true(map_has(&m, "null"));
	assert_null(map_get(&m, "null"));
	map_done(&m, NULL);
}

/* Against a plain array, with many removals in between. */
static void map_agrees_with_an_array(void **state)
{
	enum { KEYS = 300, STEPS = 20000 };
	struct map m = MAP_INIT;
	char *there[KEYS] = { 0 };
	unsigned x = 12345, n = 0;
	char key[16];

	for (int i = 0; i < STEPS; i++) {
		unsigned k;

		x = x * 1103515245 + 12345;
		k = x / 65536 % KEYS;
		snprintf(key, sizeof key, "key-%u", k);
		assert_ptr_equal(map_get(&m, key), there[k]);
		if (x & 0x40000000 || !there[k]) {
			n += !there[k];
			assert_ptr_equal(map_set(&m, key, key + k % 8), there[k]);
			there[k] = key + k % 8;
		} else {
			assert_ptr_equal(map_remove(&m, key), there[k]);
			there[k] = NULL;
			n--;
		}
		assert_int_equal(m.n, n);
	}
	for (unsigned k = 0; k < KEYS; k++) {
		snprintf(key, sizeof key, "key-%u", k);
		assert_ptr_equal(map_get(&m, key), there[k]);
	}
	map_done(&m, NULL);
}

static double fill_seconds(int n)
{
	struct map m = MAP_INIT;
	int64_t begin = clock_mono_ns();
	char key[32];

	for (int i = 0; i < n; i++) {
		snprintf(key, sizeof key, "service-%d", i);
		map_set(&m, key, xstrdup(key));
	}
	for (int i = 0; i < n; i++) {
		snprintf(key, sizeof key, "service-%d", i);
		assert_string_equal(map_get(&m, key), key);
	}
	map_done(&m, free);
	return (double)(clock_mono_ns() - begin) / 1e9;
}

static void map_is_fast_when_large(void **state)
{
	/* a quadratic one would need minutes */
	assert_true(fill_seconds(200000) < 5);
}

static void grow_gives_zeroed_items(void **state)
{
	struct {
		int *v;
		size_t n, cap;
	} s = { 0 };

	for (int i = 0; i < 100; i++) {
		int *p = XGROW(s.v, s.n, s.cap);

		assert_int_equal(*p, 0);
		*p = i;
	}
	assert_int_equal(s.n, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(s.v[i], i);
	free(s.v);
	assert_null(xstrdup(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_memory_is_zeroed_aligned_and_separate),
		cmocka_unit_test(arena_text),
		cmocka_unit_test(buf_is_a_string_at_any_time),
		cmocka_unit_test(buf_json_escapes),
		cmocka_unit_test(map_keeps_order),
		cmocka_unit_test(map_agrees_with_an_array),
		cmocka_unit_test(map_is_fast_when_large),
		cmocka_unit_test(grow_gives_zeroed_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
