#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../../src/cli/pull_policy.h"
#include "../../../../src/util/clock.h"

#define HOUR (3600 * SEC_NS)

static void words(void **state)
{
	static const struct { const char *text; bool good; enum pull_kind kind; int64_t every_ns; } rows[] = {
		{ NULL, true, PULL_MISSING, 0 }, { "", true, PULL_MISSING, 0 }, { "missing", true, PULL_MISSING, 0 },
		{ "if_not_present", true, PULL_MISSING, 0 }, { "always", true, PULL_ALWAYS, 0 }, { "never", true, PULL_NEVER, 0 },
		{ "build", true, PULL_BUILD, 0 }, { "daily", true, PULL_REFRESH, 24 * HOUR }, { "weekly", true, PULL_REFRESH, 168 * HOUR },
		{ "every_12h", true, PULL_REFRESH, 12 * HOUR }, { "every_1w2d3h4m5s", true, PULL_REFRESH, (168 + 48 + 3) * HOUR + 245 * SEC_NS },
		{ "every_", false, PULL_MISSING, 0 }, { "every_x", false, PULL_MISSING, 0 }, { "every_-1h", false, PULL_MISSING, 0 },
		{ "refresh", false, PULL_MISSING, 0 }, { "Always", false, PULL_MISSING, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct pull_policy p;

		assert_int_equal(pull_policy_parse(rows[i].text, &p), rows[i].good);
		assert_int_equal(p.kind, rows[i].kind);
		assert_int_equal(p.every_ns, rows[i].every_ns);
	}
}

/* One row a policy, one column a situation: what there is of `image:` and `build:`, and whether the store has it. */
static void what_is_to_be_done(void **state)
{
	enum { U = IMAGE_USE, P = IMAGE_PULL, T = IMAGE_TRY_PULL, B = IMAGE_BUILD, A = IMAGE_ABSENT };
	static const struct { bool named, has_build, can_build, present; } cases[] = {
		{ true, false, false, false }, { true, false, false, true },   /* image */
		{ true, true, true, false },   { true, true, true, true },     /* image and build */
		{ false, true, true, false },  { false, true, true, true },    /* build */
		{ true, false, true, false },  { true, false, true, true },    /* image, which another service builds */
	};
	static const struct { const char *policy; int todo[8]; } rows[] = {
		{ NULL,             { P, U, T, U, B, U, T, U } },
		{ "missing",        { P, U, T, U, B, U, T, U } },
		{ "if_not_present", { P, U, T, U, B, U, T, U } },
		{ "always",         { P, P, T, T, B, U, T, T } },
		{ "never",          { A, U, B, U, B, U, B, U } },
		{ "build",          { A, U, B, B, B, B, B, U } },
		{ "daily",          { P, U, T, U, B, U, T, U } },      /* pulled an hour ago */
		{ "every_30m",      { P, P, T, T, B, U, T, T } },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (size_t j = 0; j < sizeof cases / sizeof *cases; j++) {
			const struct image_case c = { rows[i].policy, cases[j].named, cases[j].has_build, cases[j].can_build,
						      cases[j].present, 1000 * HOUR, 1001 * HOUR };

			if ((int)image_todo(&c) != rows[i].todo[j])
				fail_msg("row %zu, column %zu: %d", i, j, image_todo(&c));
		}
	}
}

static void how_old_it_is(void **state)
{
	static const struct { int64_t pulled_ns; enum image_todo todo; } rows[] = {
		{ 976 * HOUR, IMAGE_USE }, { 976 * HOUR - 1, IMAGE_PULL }, { 1000 * HOUR, IMAGE_USE }, { 0, IMAGE_PULL },
		{ 1000 * HOUR + 1, IMAGE_PULL },     /* a clock was wrong */
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct image_case c = { "daily", true, false, false, true, rows[i].pulled_ns, 1000 * HOUR };

		assert_int_equal(image_todo(&c), rows[i].todo);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(words), cmocka_unit_test(what_is_to_be_done), cmocka_unit_test(how_old_it_is) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
