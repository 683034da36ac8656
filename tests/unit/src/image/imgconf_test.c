#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../../src/image/image.h"
#include "../../../../src/image/store.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"

static struct image *read_config(const char *text, struct err *err)
{
	auto_json json_t *doc = NULL;
	struct image *i = xcalloc(1, sizeof *i);

	assert_int_equal(jx_parse(text, strlen(text), &doc, NULL), 0);
	if (imgconf_read(doc, i, err) == 0)
		return i;
	image_free(i);
	return NULL;
}

static void test_nothing_is_needed(void **state)
{
	static const char *const cases[] = {
		"{}",
		"{\"config\":null}",
		"{\"config\":{}}",
		"{\"config\":{\"Entrypoint\":null,\"Cmd\":null,\"Env\":null,\"User\":\"\",\"Volumes\":null,"
		"\"Labels\":null,"
		"\"ExposedPorts\":null,\"Healthcheck\":null}}",
	};

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		struct image *i = read_config(cases[k], NULL);
		assert_non_null(i);
		assert_false(i->entrypoint_set || i->cmd_set || i->health.given);
		assert_int_equal(i->env.n + i->cmd.n + i->volumes.n + i->exposed_ports.n, 0);
		assert_null(i->user);
		assert_null(i->labels);
		image_free(i);
	}
}

static void test_set_but_empty_is_not_absent(void **state)
{
	struct image *i = read_config("{\"config\":{\"Entrypoint\":[],\"Cmd\":[]}}", NULL);

	assert_true(i->entrypoint_set && i->cmd_set);
	assert_int_equal(i->entrypoint.n, 0);
	image_free(i);
}

static void test_a_single_word_is_a_list_of_one(void **state)
{
	struct image *i = read_config("{\"config\":{\"Entrypoint\":\"/run me\"}}", NULL);

	assert_int_equal(i->entrypoint.n, 1);
	assert_string_equal(i->entrypoint.v[0], "/run me");
	image_free(i);
}

static void test_health(void **state)
{
	struct image *i = read_config(
		"{\"config\":{\"Shell\":[\"/bin/ash\",\"-c\"],\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":5000000000,"
		"\"Timeout\":1,\"StartPeriod\":2,\"StartInterval\":3,\"Retries\":4}}}",
		NULL);

	assert_true(i->health.given);
	assert_string_equal(i->shell.v[0], "/bin/ash");
	assert_string_equal(i->health.test.v[1], "true");
	assert_int_equal(i->health.interval_ns, 5000000000);
	assert_int_equal(i->health.timeout_ns, 1);
	assert_int_equal(i->health.start_period_ns, 2);
	assert_int_equal(i->health.start_interval_ns, 3);
	assert_int_equal(i->health.retries, 4);
	image_free(i);
}

static void test_wrong_types(void **state)
{
	static const char *const cases[][2] = {
		{ "[]", "is not a JSON object" },
		{ "{\"config\":[]}", "'config' is not an object" },
		{ "{\"os\":1}", "'os' is not a string" },
		{ "{\"config\":{\"Cmd\":{}}}", "'Cmd' is not a list" },
		{ "{\"config\":{\"Cmd\":[1]}}", "'Cmd' has an item that is not a string" },
		{ "{\"config\":{\"Env\":[null]}}", "'Env' has an item that is not a string" },
		{ "{\"config\":{\"User\":0}}", "'User' is not a string" },
		{ "{\"config\":{\"Volumes\":[]}}", "'Volumes' is not an object" },
		{ "{\"config\":{\"Labels\":{\"a\":1}}}", "'Labels' has a value that is not a string" },
		{ "{\"config\":{\"Healthcheck\":{\"Interval\":-1}}}", "'Interval' is not a positive number" },
		{ "{\"config\":{\"Healthcheck\":{\"Interval\":1.5}}}",
			"'Interval' is not a positive number" },
	};

	for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
		auto_err struct err err = ERR_INIT;
		assert_null(read_config(cases[k][0], &err));
		assert_int_equal(err.kind, ERR_INPUT);
		if (!strstr(err_msg(&err), cases[k][1]))
			fail_msg("%s: %s", cases[k][0], err_msg(&err));
	}
}

static void test_bounds(void **state)
{
	auto_json json_t *cmd = json_array(), *doc = NULL;
	auto_err struct err err = ERR_INIT;
	auto_free char *text = NULL, *word = xcalloc(1, (128 << 10) + 2);

	for (int k = 0; k < 16385; k++)
		json_array_append_new(cmd, json_string("x"));
	doc = json_pack("{s:{s:O}}", "config", "Cmd", cmd);
	text = json_dumps(doc, 0);
	assert_null(read_config(text, &err));
	assert_non_null(strstr(err_msg(&err), "'Cmd' has more than 16384 items"));
	err_done(&err);
	memset(word, 'x', (128 << 10) + 1);
	json_decref(doc);
	doc = json_pack("{s:{s:s}}", "config", "WorkingDir", word);
	free(text);
	text = json_dumps(doc, 0);
	assert_null(read_config(text, &err));
	assert_non_null(strstr(err_msg(&err), "'WorkingDir' is longer than 128 KiB"));
}

/* ChainID of the OCI image specification; the second was computed with sha256sum. */
static void test_chain_ids(void **state)
{
	auto_json json_t *doc = json_pack("{s:{s:[s,s]}}", "rootfs", "diff_ids",
		"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
	auto_strs struct strs ids = STRS_INIT;

	assert_int_equal(chain_ids(doc, &ids, NULL), 0);
	assert_int_equal(ids.n, 2);
	assert_string_equal(ids.v[0], "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	assert_string_equal(ids.v[1], "ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c");
}

/* As buildah, docker and davit write it; what says nothing of layers is no image. */
static void test_no_layers(void **state)
{
	static const struct {
		const char *text;
		int want;
	} cases[] = {
		{ "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}", 0 },
		{ "{\"rootfs\":{\"type\":\"layers\"}}", 0 },
		{ "{\"rootfs\":{\"diff_ids\":[]}}", 0 },
		{ "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":\"x\"}}", -1 },
		{ "{\"rootfs\":{}}", -1 },
		{ "{}", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_json json_t *doc = json_loads(cases[i].text, 0, NULL);
		auto_strs struct strs ids = STRS_INIT;

		assert_int_equal(chain_ids(doc, &ids, NULL), cases[i].want);
		assert_int_equal(ids.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_needed),
		cmocka_unit_test(test_set_but_empty_is_not_absent),
		cmocka_unit_test(test_a_single_word_is_a_list_of_one),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_wrong_types),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_chain_ids),
		cmocka_unit_test(test_no_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
