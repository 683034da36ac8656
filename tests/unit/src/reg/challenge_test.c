#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../../src/reg/challenge.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/str.h"

static const char *or_nothing(const char *s)
{
	return s ? s : "-";
}

/* "bearer realm service scope error; basic …", a dash for what is not given. */
static char *said(const char *value)
{
	static const char *const schemes[] = { "basic", "bearer", "other" };
	auto_err struct err err = ERR_INIT;
	struct reg_challenges l = { 0 };
	struct buf out = BUF_INIT;

	if (reg_challenges_add(&l, value, &err) < 0) {
		assert_int_equal(err.kind, ERR_PROTO);
		assert_int_equal(l.n, 0);
		buf_str(&out, "refused");
	}
	for (size_t i = 0; i < l.n; i++)
		buf_printf(&out, "%s%s %s %s %s %s", i ? "; " : "", schemes[l.v[i].scheme], or_nothing(l.v[i].realm),
			or_nothing(l.v[i].service), or_nothing(l.v[i].scope), or_nothing(l.v[i].error));
	reg_challenges_done(&l);
	return buf_take(&out);
}

static void test_challenges(void **state)
{
	static const char *const cases[][2] = {
		{ "Bearer realm=\"https://auth.example/token\",service=\"reg.example\",scope=\"repository:a/b:pull,push\"",
			"bearer https://auth.example/token reg.example repository:a/b:pull,push -" },
		{ "bEARER Realm = \"x\" , SERVICE=y", "bearer x y - -" },
		{ "Bearer realm=\"x\",error=\"insufficient_scope\",scope=\"a b\"", "bearer x - a b insufficient_scope" },
		{ "Basic realm=\"a \\\"quoted\\\" realm, with comma\"", "basic a \"quoted\" realm, with comma - - -" },
		{ "Basic", "basic - - - -" },
		{ "Basic,Negotiate", "basic - - - -; other - - - -" },
		/* RFC 9110, 11.6.1 */
		{ "Basic realm=\"simple\", Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\"",
			"basic simple - - -; other apps - - -" },
		{ "Newauth realm=\"apps\", type=1, title=\"x\", Basic realm=\"simple\"", "other apps - - -; basic simple - - -" },
		{ "Negotiate YWJj==, Basic realm=s", "other - - - -; basic s - - -" },
		{ "Negotiate YWJj", "other - - - -" },
		{ ", ,Basic realm=s,, ,Bearer realm=t,", "basic s - - -; bearer t - - -" },
		{ "", "" },
		{ "  ,", "" },
		{ "Basic realm=\"\"", "basic  - - -" },
		{ "Bearer charset=\"UTF-8\", realm=x", "bearer x - - -" },
		{ "Bearer realm=", "bearer - - - -" }, /* a token68 by its form */
		/* not well formed */
		{ "Bearer realm=\"x", "refused" },
		{ "Bearer realm=\"x\\", "refused" },
		{ "Bearer x=y, realm=", "refused" },
		{ "Bearer realm=\"x\" service=\"y\"", "refused" },
		{ "Bearer realm=x, realm=y", "refused" },
		{ "Bearer realm=\"a\nb\"", "refused" },
		{ "Bearer realm=\"a\\\nb\"", "refused" },
		{ "=x", "refused" },
		{ "Bearer \"x\"", "refused" },
		{ "Bearer\"x\"", "refused" },
		{ "Basic realm=x\"y\"", "refused" },
		{ "Basic realm=x, @", "refused" },
		{ "\xc3\xa4", "refused" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = said(cases[i][0]);

		if (!STREQ(got, cases[i][1]))
			fail_msg("%s: %s, not %s", cases[i][0], got, cases[i][1]);
	}
}

static void test_challenges_of_several_fields_add_up(void **state)
{
	struct reg_challenges l = { 0 };

	assert_int_equal(reg_challenges_add(&l, "Basic realm=a", NULL), 0);
	assert_int_equal(reg_challenges_add(&l, "Bearer realm=b, realm=", NULL), -1);
	assert_int_equal(l.n, 1);
	assert_int_equal(reg_challenges_add(&l, "Bearer realm=b", NULL), 0);
	assert_string_equal(reg_challenges_find(&l, REG_BEARER)->realm, "b");
	assert_string_equal(reg_challenges_find(&l, REG_BASIC)->realm, "a");
	assert_null(reg_challenges_find(&l, REG_OTHER_SCHEME));
	reg_challenges_done(&l);
	assert_null(reg_challenges_find(&l, REG_BASIC));
}

static void repeat(struct buf *b, const char *text, int n)
{
	while (n-- > 0)
		buf_str(b, text);
}

static void test_challenges_are_bounded(void **state)
{
	static const struct {
		const char *first, *text;
		int good, bad; /* how often text may stand there, and how often it is too much */
	} cases[] = {
		{ "", "Basic, ", 16, 17 },
		{ "Bearer ", "x=1, ", 32, 33 },
		{ "Bearer x=", "y", 60000, 70000 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (int bad = 0; bad < 2; bad++) {
			auto_buf struct buf b = BUF_INIT;
			struct reg_challenges l = { 0 };

			buf_str(&b, cases[i].first);
			repeat(&b, cases[i].text, bad ? cases[i].bad : cases[i].good);
			assert_int_equal(reg_challenges_add(&l, b.p, NULL), bad ? -1 : 0);
			reg_challenges_done(&l);
		}
}

static void test_retry_after(void **state)
{
	static const int64_t now = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */
	static const struct {
		const char *value;
		int64_t ms; /* -1: neither a number nor a date */
	} cases[] = {
		{ "0", 0 },
		{ "120", 120000 },
		{ " 7 ", 7000 },
		{ "86401", REG_RETRY_MAX_MS },
		{ "99999999999999999999999999", REG_RETRY_MAX_MS },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
		{ "Sun, 06 Nov 1994 08:50:37 GMT", 60000 },
		{ "Sun, 06 Nov 1994 08:48:37 GMT", 0 },
		{ "Sunday, 06-Nov-94 08:49:47 GMT", 10000 },
		{ "Sun Nov  6 08:49:57 1994", 20000 },
		{ "Monday, 06-Nov-45 08:49:47 GMT", 0 },
		{ "Tue, 06 Nov 2040 08:49:37 GMT", REG_RETRY_MAX_MS },
		{ "", -1 },
		{ "-1", -1 },
		{ "1.5", -1 },
		{ "soon", -1 },
		{ "Sun, 06 Foo 1994 08:49:37 GMT", -1 },
		{ "Sun, 06 anF 1994 08:49:37 GMT", -1 },
		{ "Sun, 36 Nov 1994 08:49:37 GMT", -1 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT and more", -1 },
		{ "Sun, 06 Nov 1994 08:49:37", -1 },
		{ "Sun, 06 Nov 1994 -8:49:37 GMT", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t ms = -1;

		reg_retry_after_ms(cases[i].value, now * SEC_NS + 5, &ms);
		if (ms != cases[i].ms)
			fail_msg("%s: %lld", cases[i].value, (long long)ms);
	}
}

static void test_link(void **state)
{
	static const char *const cases[][2] = {
		{ "</v2/a/tags/list?n=2&last=b>; rel=\"next\"", "/v2/a/tags/list?n=2&last=b" },
		{ "<a,b>;rel=prev, <c;d>; rel=\"start NEXT\"; title=\"x,y\"", "c;d" },
		{ "<a>; title=\"<b>; rel=next\"; rel=prev", "-" },
		{ "<a>; rel=prev; rel=next", "-" },
		{ "<a>; rel=nexts", "-" },
		{ "<a>; crossorigin; REL=next ", "a" },
		{ "<a>", "-" },
		{ "", "-" },
		{ "a; rel=next", "-" },
		{ "<a; rel=next", "-" },
		{ "<a> rel=next", "-" },
		{ "<a>; rel=\"next", "-" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *got = reg_link_next(cases[i][0]);

		if (!STREQ(or_nothing(got), cases[i][1]))
			fail_msg("%s: %s", cases[i][0], or_nothing(got));
	}
}

static void test_content_range(void **state)
{
	static const struct {
		const char *value;
		int r;
		struct reg_range range;
	} cases[] = {
		{ "bytes 0-99/100", 0, { true, 0, 99, true, 100 } },
		{ "Bytes 5-5/6 ", 0, { true, 5, 5, true, 6 } },
		{ "bytes 42-1233/*", 0, { true, 42, 1233, false, 0 } },
		{ "bytes */1234", 0, { false, 0, 0, true, 1234 } },
		{ "bytes */*", -1 },
		{ "bytes 5-4/6", -1 },
		{ "bytes 0-6/6", -1 },
		{ "bytes 0-99", -1 },
		{ "bytes 0-99/", -1 },
		{ "bytes -5/6", -1 },
		{ "bytes 0-99999999999999999999999/*", -1 },
		{ "bytes 0-9/10, 11", -1 },
		{ "items 0-9/10", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct reg_range got = { 0 };

		if (reg_content_range(cases[i].value, &got) != cases[i].r || got.given != cases[i].range.given ||
			got.first != cases[i].range.first || got.last != cases[i].range.last ||
			got.total_given != cases[i].range.total_given || got.total != cases[i].range.total)
			fail_msg("%s", cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_challenges_of_several_fields_add_up),
		cmocka_unit_test(test_challenges_are_bounded),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_link),
		cmocka_unit_test(test_content_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
