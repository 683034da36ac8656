#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../../src/pack/instruction.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/str.h"

/* The lines, one after the other, on an empty config; JSON with sorted keys. */
static void becomes(const char *const *lines, const char *want)
{
	auto_json json_t *config = json_object();
	auto_err struct err err = ERR_INIT;
	auto_free char *have = NULL;

	for (; *lines; lines++)
		if (instruction_apply(config, *lines, &err) < 0)
			fail_msg("%s", err_msg(&err));
	have = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(have, want);
}
#define BECOMES(want, ...) becomes((const char *const[]){ __VA_ARGS__, NULL }, want)

static void refused(const char *line, const char *why)
{
	auto_json json_t *config = json_object();
	auto_err struct err err = ERR_INIT;

	assert_int_equal(instruction_apply(config, line, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	if (!strstr(err_msg(&err), why))
		fail_msg("'%s' is not in: %s", why, err_msg(&err));
}

static void test_commands(void **state)
{
	BECOMES("{\"Cmd\":[\"a\",\"b c\"]}", "CMD [\"a\", \"b c\"]");
	BECOMES("{\"Cmd\":[\"/bin/sh\",\"-c\",\"a b\"]}", "cmd a b");
	BECOMES("{\"Cmd\":[\"/bin/sh\",\"-c\",\"[a, b]\"]}", "CMD [a, b]"); /* no JSON: a shell's line, as docker has it */
	BECOMES("{\"Entrypoint\":[\"x\"]}", "ENTRYPOINT [\"y\"]", "ENTRYPOINT [\"x\"]");
	BECOMES("{\"Cmd\":[]}", "CMD []");
}

static void test_pairs(void **state)
{
	BECOMES("{\"Env\":[\"A=1\",\"B=two words\",\"C=\"]}", "ENV A=1 B=\"two words\" C=");
	BECOMES("{\"Env\":[\"A=the rest of it\"]}", "ENV A the rest of it");
	BECOMES("{\"Env\":[\"A=2\",\"AB=1\"]}", "ENV A=1 AB=1", "ENV A=2");
	BECOMES("{\"Env\":[\"A=a b'c\"]}", "ENV A=a\\ b\\'c");
	BECOMES("{\"Labels\":{\"a\":\"1\",\"b\":\"x y\"}}", "LABEL a=1 b='x y'");
	refused("ENV A=\"open", "a quote is not closed");
	refused("ENV =a", "NAME=VALUE");
	refused("LABEL a=1 b", "'b' does not have the form NAME=VALUE");
}

static void test_ports_volumes(void **state)
{
	BECOMES("{\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{},\"8000-8010/tcp\":{}}}", "EXPOSE 80 53/udp 8000-8010");
	BECOMES("{\"Volumes\":{\"/a\":{},\"/b c\":{}}}", "VOLUME [\"/a\", \"/b c\"]");
	BECOMES("{\"Volumes\":{\"/a\":{},\"/b\":{}}}", "VOLUME /a /b");
	refused("EXPOSE 0", "'0' is not a port");
	refused("EXPOSE 90-80", "'90-80' is not a port");
	refused("EXPOSE 80/icmp", "'80/icmp' is not a port");
	refused("VOLUME data", "not an absolute path");
}

static void test_rest(void **state)
{
	BECOMES("{\"User\":\"app:grp\"}", "USER app:grp");
	BECOMES("{\"WorkingDir\":\"/a/b\"}", "WORKDIR /a", "WORKDIR b");
	BECOMES("{\"WorkingDir\":\"/b\"}", "WORKDIR b");
	BECOMES("{\"StopSignal\":\"SIGUSR1\"}", "STOPSIGNAL SIGUSR1");
	BECOMES("{\"OnBuild\":[\"RUN x\",\"RUN y\"]}", "ONBUILD RUN x", "ONBUILD RUN y");
	refused("RUN x", "'RUN' is no instruction");
	refused("USER", "it says nothing");
	refused("", "is no instruction");
}

static void test_health(void **state)
{
	BECOMES("{\"Healthcheck\":{\"Interval\":1000000000,\"Retries\":3,\"Test\":[\"CMD-SHELL\",\"curl x || exit 1\"]}}",
		"HEALTHCHECK --interval=1s --retries=3 CMD curl x || exit 1");
	BECOMES("{\"Healthcheck\":{\"Test\":[\"CMD\",\"a\",\"b\"]}}", "HEALTHCHECK CMD [\"a\", \"b\"]");
	BECOMES("{\"Healthcheck\":{\"Test\":[\"NONE\"]}}", "HEALTHCHECK none");
	refused("HEALTHCHECK --interval=soon CMD x", "is not a duration");
	refused("HEALTHCHECK --often CMD x", "unknown flag '--often'");
	refused("HEALTHCHECK curl", "CMD or NONE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands), cmocka_unit_test(test_pairs), cmocka_unit_test(test_ports_volumes),
		cmocka_unit_test(test_rest), cmocka_unit_test(test_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
