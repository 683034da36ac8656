#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../../src/build/dockerfile.h"
#include "../../../../src/image/platform.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"

static void expect(const char *text, const char *arg, const char *want)
{
	auto_strs struct strs args = STRS_INIT;
	struct dockerfile_bases found = { 0 };
	auto_buf struct buf b = BUF_INIT;

	if (arg)
		strs_add(&args, arg);
	dockerfile_images(text, &args, "linux/arm64", &found);
	buf_str(&b, "");
	for (size_t i = 0; i < found.n; i++)
		buf_printf(&b, "%s%s%s%s", i ? " " : "", found.v[i].name, found.v[i].platform ? "~" : "",
			   found.v[i].platform ? found.v[i].platform : "");
	dockerfile_bases_done(&found);
	assert_string_equal(b.p, want);
}

static void test_from(void **state)
{
	expect("FROM redis:7\n", NULL, "redis:7");
	expect("from  --platform=linux/s390x  a/b@sha256:12 AS x\nFROM x\nFROM a\nCOPY . .", NULL, "a/b@sha256:12~linux/s390x a");
	expect("FROM scratch\nFROM SCRATCH AS y\nfrom Y", NULL, "");
	expect("# a comment\n\nFROM \\\n# between\n  busybox\\\n:1\nRUN true", NULL, "busybox:1");
	expect("# escape=`\nFROM `\n busybox", NULL, "busybox");
	expect("FROM busybox\r\nRUN x\r\n", NULL, "busybox");
	expect("", NULL, "");
	expect("FROM", NULL, "");
	expect("FROM \\", NULL, "");
}

static void test_platforms(void **state)
{
	char host[PLATFORM_TEXT], want[2 * PLATFORM_TEXT];
	struct platform p;

	platform_host(&p);
	platform_format(&p, host);
	snprintf(want, sizeof want, "go~%s go", host);
	expect("FROM --platform=$BUILDPLATFORM go AS b\nFROM go\nFROM go", NULL, want);
	expect("FROM --platform=${TARGETPLATFORM} a", NULL, "a~linux/arm64");
	expect("FROM --platform=$TARGETOS/$TARGETARCH$TARGETVARIANT x-$TARGETARCH", NULL, "x-arm64~linux/arm64");
	expect("ARG P=linux/s390x\nFROM --platform=$P a\nFROM --platform=$NONE b", NULL, "a~linux/s390x b");
}

static void test_here(void **state)
{
	static const struct {
		const char *text;
		size_t line;
	} cases[] = {
		{ "FROM a\nRUN <<EOF\necho\nEOF\n", 2 },
		{ "FROM a\n\n# x\nRUN true && \\\n cat <<-'A' <<B\n1\n\tA\nB", 4 },
		{ "FROM a\nCOPY <<E /x\nE\nRUN <<F\nF\n", 2 },
		{ "FROM a\nRUN sh -c 'cat <<EOF'\n", 0 },              /* its end is not there */
		{ "FROM a\nRUN cat <<EOF \\\n x \\\nEOF\nRUN true", 0 },
		{ "FROM a\nRUN echo $((1<<3))\nENV A=<<EOF\nEOF", 0 },
		{ "FROM a\nRUN true", 0 },
		{ "", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (dockerfile_here(cases[i].text) != cases[i].line)
			fail_msg("case %zu: line %zu, not %zu", i, dockerfile_here(cases[i].text), cases[i].line);
}

static void test_other_references(void **state)
{
	expect("FROM a AS one\nCOPY --chown=1 --from=b /x /y\nCOPY --from=one /x /y\nCOPY --from=0 x y\nADD x y", NULL, "a b");
	expect("FROM a\nRUN --mount=type=bind,from=c,target=/c --network=none ls --from=not", NULL, "a c");
	expect("FROM a\nRUN echo FROM b", NULL, "a");
}

static void test_here_documents(void **state)
{
	expect("FROM a\nRUN <<EOF python3\nfrom os import path\nEOF\nFROM b", NULL, "a b");
	expect("FROM a\nCOPY <<-'ONE' <<TWO /\nFROM x\n\tONE\nFROM y\nTWO\nFROM b", NULL, "a b");
	expect("FROM a\nRUN echo 1 << 2 $((1<<3)) a<<b\nFROM b", NULL, "a b");
	expect("FROM a\nRUN <<EOF\nnever ends", NULL, "a");
}

static void test_variables(void **state)
{
	expect("ARG V=1\nFROM r:${V}", NULL, "r:1");
	expect("ARG V=1\nFROM r:$V", "V=2", "r:2");
	expect("ARG V\nFROM r:${V:-3}-${V:+x}${V-4}", NULL, "r:3-4");
	expect("ARG V\nFROM r:${V:-3}-${V:+x}", "V=9", "r:9-x");
	expect("ARG A=\"q\" B=${A}w\nFROM $B", NULL, "qw");
	expect("FROM r:${V:-x}\nARG V=1\nFROM s${V}", "V=2", "r:x s");
	expect("FROM ${", NULL, "");
	expect("FROM ${A:-${B:-${C:-deep}}}", NULL, "deep");
}

/* Each has the one before twice: whole, the last would be 10 TiB long. */
static void test_variables_that_double(void **state)
{
	auto_strs struct strs args = STRS_INIT;
	struct dockerfile_bases found = { 0 };
	auto_buf struct buf b = BUF_INIT;

	buf_str(&b, "ARG V0=abcdefghij\n");
	for (int i = 0; i < 40; i++)
		buf_printf(&b, "ARG V%d=$V%d$V%d\n", i + 1, i, i);
	buf_str(&b, "FROM $V40\n");
	dockerfile_images(b.p, &args, NULL, &found);
	assert_int_equal(found.n, 1);
	assert_true(strlen(found.v[0].name) <= 4096);
	dockerfile_bases_done(&found);
}

static void test_stages(void **state)
{
	assert_true(dockerfile_may_end_with("FROM a AS one\nRUN x\nFROM b", "ONE"));
	assert_false(dockerfile_may_end_with("FROM a AS one", "two"));
	assert_false(dockerfile_may_end_with("FROM a AS one", "0"));
	assert_false(dockerfile_may_end_with("FROM a AS one\nONBUILD RUN x", "one"));
	assert_false(dockerfile_may_end_with("FROM a\nRUN echo FROM b AS one", "one"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_platforms),
		cmocka_unit_test(test_other_references),
		cmocka_unit_test(test_here),
		cmocka_unit_test(test_here_documents),
		cmocka_unit_test(test_variables),
		cmocka_unit_test(test_variables_that_double),
		cmocka_unit_test(test_stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
