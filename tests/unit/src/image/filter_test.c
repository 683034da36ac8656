#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "../../../../src/image/filter.h"
#include "../../../../src/image/image.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/json.h"

#define REDIS "docker.io/library/redis:7"

static struct image image_of(json_t *labels)
{
	return (struct image){ .created = (char *)"2024-01-02T03:04:05Z", .labels = labels };
}

static bool takes_label(const char *want, bool not_it)
{
	auto_json json_t *labels = json_pack("{s:s, s:s}", "tier", "db", "empty", "");
	struct image i = image_of(labels);
	struct image_filter f = { 0 };
	bool takes;

	strs_add(not_it ? &f.not_labels : &f.labels, want);
	takes = image_filter_takes(&f, &i, REDIS);
	image_filter_done(&f);
	return takes;
}

static void test_labels(void **state)
{
	assert_true(takes_label("tier", false));
	assert_true(takes_label("tier=db", false));
	assert_false(takes_label("tier=web", false));
	assert_false(takes_label("tie", false));
	assert_true(takes_label("empty=", false));
	assert_false(takes_label("tier", true));
	assert_true(takes_label("tier=web", true));
}

static bool takes_reference(const char *pattern, const char *ref)
{
	struct image i = image_of(NULL);
	struct image_filter f = { 0 };
	bool takes;

	strs_add(&f.references, pattern);
	takes = image_filter_takes(&f, &i, ref);
	image_filter_done(&f);
	return takes;
}

static void test_references(void **state)
{
	assert_true(takes_reference("redis", REDIS));
	assert_true(takes_reference("redis:7", REDIS));
	assert_true(takes_reference("red*:*", REDIS));
	assert_false(takes_reference("redis:6", REDIS));
	assert_false(takes_reference("red", REDIS));
	assert_true(takes_reference("*/team/app", "example.org/team/app:1"));
	assert_false(takes_reference("*", "example.org/team/app:1")); /* a star is no way */
	assert_false(takes_reference("*", ""));
}

static void test_names_and_times(void **state)
{
	struct image i = image_of(NULL);
	int64_t created = clock_parse(i.created);

	assert_true(image_filter_takes(&(struct image_filter){ .names = FILTER_DANGLING }, &i, ""));
	assert_false(image_filter_takes(&(struct image_filter){ .names = FILTER_DANGLING }, &i, REDIS));
	assert_false(image_filter_takes(&(struct image_filter){ .names = FILTER_NAMED }, &i, ""));
	assert_true(image_filter_takes(&(struct image_filter){ .before_ns = created + 1 }, &i, REDIS));
	assert_false(image_filter_takes(&(struct image_filter){ .before_ns = created }, &i, REDIS));
	assert_true(image_filter_takes(&(struct image_filter){ .since_ns = created - 1 }, &i, REDIS));
	assert_false(image_filter_takes(&(struct image_filter){ .since_ns = created }, &i, REDIS));
}

static void test_split(void **state)
{
	static const char *const cases[][3] = {
		{ REDIS, "redis", "7" }, { "localhost:5000/a/b:x", "localhost:5000/a/b", "x" }, { "", "<none>", "<none>" },
		{ "docker.io/team/app:1", "team/app", "1" }, { "not A name", "<none>", "<none>" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *repository = NULL, *tag = NULL;

		image_name_split(cases[i][0], &repository, &tag);
		assert_string_equal(repository, cases[i][1]);
		assert_string_equal(tag, cases[i][2]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels), cmocka_unit_test(test_references), cmocka_unit_test(test_names_and_times),
		cmocka_unit_test(test_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
