#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../../src/cli/masks.h"
#include "../../../../src/util/json.h"

static void test_names_that_tell(void **state)
{
	static const char *const yes[] = { "DB_PASSWORD", "apiToken", "AWS_SECRET_ACCESS_KEY", "PGPASSFILE", "connection_string", "PASSWORD_FILE" };
	static const char *const no[] = { "DEBUG", "image", "HOSTNAME", "TZ", "command" };

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(mask_name(yes[i], "x"));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(mask_name(no[i], "x"));
	assert_false(mask_name("PASSWORD_FILE", "/run/secrets/x"));
}

static void expect(struct masks *m, const char *text, const char *want)
{
	struct buf b = BUF_INIT;

	buf_str(&b, text);
	masks_apply(m, &b);
	assert_string_equal(b.p, want);
	assert_int_equal(b.len, strlen(want));
	buf_done(&b);
}

static void test_secrets_do_not_occur_in_texts(void **state)
{
	struct masks m = { 0 };

	masks_look(&m, "DB_PASSWORD", "hunter2");
	masks_look(&m, "OTHER_PASSWORD", "hunter22");
	masks_look(&m, "URL", "postgres://me:wordpass@db/x and redis://:other:wise@r:1");
	masks_look(&m, "NO_PASSWORD", "true");
	masks_look(&m, "PIN", "123");
	masks_look(&m, "NAME", "harmless");
	masks_add(&m, "-----BEGIN\nline one\n\nline two\n", 30);
	masks_add(&m, "quo\"ted\\thing", 13);
	expect(&m, "a hunter2 b hunter22 hunter2", "a *** b *** ***");
	expect(&m, "me wordpass db, other:wise", "me *** db, ***");
	expect(&m, "true 123 harmless", "true 123 harmless");
	expect(&m, "x line one\ny line two\n-----BEGIN", "x ***\ny ***\n***");
	expect(&m, "{\"a\": \"quo\\\"ted\\\\thing\"} quo\"ted\\thing", "{\"a\": \"***\"} ***");
	expect(&m, "", "");
	masks_done(&m);
}

static void test_words(void **state)
{
	static const char *const words[] = { "sh", "-c", "export PASSWORD=hush1 TOKEN=$T; run --api-key 'hush2' --pass-file /run/x --pin 12345 plain",
				 "--requirepass", "hush3", "--name", "plain", "--password=hush4", "redis://u:hush5@h", "--token", "--other", "pass" };
	struct masks m = { 0 };

	masks_look_words(&m, (char *const *)words, sizeof words / sizeof *words);
	expect(&m, "hush1 hush2 hush3 hush4 hush5", "*** *** *** *** ***");
	expect(&m, "$T /run/x 12345 plain --other pass", "$T /run/x 12345 plain --other pass");
	masks_done(&m);
}

static void test_trees(void **state)
{
	auto_json json_t *tree = json_pack("{s:{s:s, s:s, s:i}, s:[{s:s}], s:{s:{s:s, s:s}}}", "environment", "TOKEN", "abc", "DEBUG", "1",
					   "keys", 3, "list", "password", "x", "configs", "c", "name", "n", "content", "all of it");
	char *text;

	masks_tree(tree);
	text = json_dumps(tree, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(text, "{\"configs\":{\"c\":{\"content\":\"***\",\"name\":\"n\"}},\"environment\":{\"DEBUG\":\"1\",\"TOKEN\":\"***\",\"keys\":3},"
				  "\"list\":[{\"password\":\"***\"}]}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_that_tell),
		cmocka_unit_test(test_secrets_do_not_occur_in_texts),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_trees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
