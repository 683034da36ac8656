#include "fx.h"

static struct pos at(const char *file, unsigned line, unsigned col)
{
	return (struct pos){ file, line, col };
}

static void sorts_by_place_and_keeps_file_order(void **state)
{
	struct fx *fx = *state;

	diag_add_source(&fx->d, "b.yaml", "", 0);
	diag_error(&fx->d, at("b.yaml", 9, 1), "third");
	diag_error(&fx->d, at("a.yaml", 1, 1), "fourth");
	diag_error(&fx->d, at("b.yaml", 2, 7), "second");
	diag_error(&fx->d, at(NULL, 0, 0), "first");
	diag_sort(&fx->d);
	assert_string_equal(fx->d.items[0].msg, "first");
	assert_string_equal(fx->d.items[1].msg, "second");
	assert_string_equal(fx->d.items[2].msg, "third");
	assert_string_equal(fx->d.items[3].msg, "fourth");
}

static void notes_belong_to_the_problem_before(void **state)
{
	struct fx *fx = *state;

	diag_error(&fx->d, at("f", 1, 1), "one");
	diag_note(&fx->d, at("f", 2, 2), "see %d", 2);
	diag_hint(&fx->d, "do this");
	diag_where(&fx->d, "services.a", "X is set in .env:1", 4);
	assert_int_equal(fx->d.items[0].n_notes, 2);
	assert_string_equal(fx->d.items[0].notes[0].msg, "see 2");
	assert_false(fx->d.items[0].notes[0].hint);
	assert_true(fx->d.items[0].notes[1].hint);
	assert_string_equal(fx->d.items[0].path, "services.a");
	assert_int_equal(fx->d.items[0].span, 4);
}

static void keeps_at_most_so_many(void **state)
{
	struct fx *fx = *state;

	for (unsigned i = 1; i <= DIAG_MAX + 50; i++) {
		diag_warn(&fx->d, at("f", i, 1), "warning");
		diag_note(&fx->d, at("f", i, 1), "its note");
	}
	assert_int_equal(fx->d.n, DIAG_MAX);
	assert_int_equal(fx->d.n_dropped, 50);
	assert_int_equal(fx->d.items[DIAG_MAX - 1].n_notes, 1);
	assert_false(diag_failed(&fx->d));
	diag_error(&fx->d, at("f", 1, 1), "an error is not lost behind warnings");
	assert_true(diag_failed(&fx->d));
	assert_int_equal(fx->d.n, DIAG_MAX);
	assert_string_equal(fx->d.items[DIAG_MAX - 1].msg, "an error is not lost behind warnings");
}

static void the_same_problem_counts_once(void **state)
{
	struct fx *fx = *state;

	diag_error(&fx->d, at("f", 3, 1), "wrong");
	diag_error(&fx->d, at("f", 3, 1), "wrong");
	diag_note(&fx->d, at("f", 1, 1), "a note of the second");
	diag_error(&fx->d, at("f", 4, 1), "wrong");
	assert_int_equal(fx->d.n, 2);
	assert_int_equal(fx->d.n_errors, 2);
	assert_int_equal(fx->d.items[0].n_notes, 0);
}

static void knows_the_lines_of_a_source(void **state)
{
	struct fx *fx = *state;
	char file[] = "x.yaml";
	size_t len = 0;

	diag_add_source(&fx->d, file, "one\r\ntwo\n\nlast", 14);
	diag_error(&fx->d, at(file, 1, 1), "it outlives the name it was given");
	memset(file, '?', sizeof file - 1);
	assert_string_equal(fx->d.items[0].pos.file, "x.yaml");
	assert_memory_equal(diag_line(&fx->d, "x.yaml", 1, &len), "one", 3);
	assert_int_equal(len, 3);
	assert_memory_equal(diag_line(&fx->d, "x.yaml", 4, &len), "last", 4);
	assert_int_equal(len, 4);
	assert_non_null(diag_line(&fx->d, "x.yaml", 3, &len));
	assert_int_equal(len, 0);
	assert_null(diag_line(&fx->d, "x.yaml", 5, &len));
	assert_null(diag_line(&fx->d, "other", 1, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(sorts_by_place_and_keeps_file_order),
		FX_TEST(notes_belong_to_the_problem_before),
		FX_TEST(keeps_at_most_so_many),
		FX_TEST(the_same_problem_counts_once),
		FX_TEST(knows_the_lines_of_a_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
