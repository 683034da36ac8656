/* What differs between two definitions, as text: one line for each place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../../../src/plan/fields.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/json.h"

/* ' stands for " in the JSON. */
static json_t *json(const char *text)
{
	auto_buf struct buf b = BUF_INIT;
	json_t *j;

	if (!text)
		return NULL;
	buf_str(&b, text);
	for (char *p = b.p; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	j = json_loads(b.p, JSON_DECODE_ANY, NULL);
	assert_non_null(j);
	return j;
}

static void differ(const char *path, const char *from, const char *to, const char *want)
{
	auto_json json_t *a = json(from), *b = json(to);
	auto_buf struct buf out = BUF_INIT;
	struct fields f = { 0 };

	fields_compare(&f, path, a, b);
	for (size_t i = 0; i < f.n; i++) {
		const struct field *it = &f.v[i];
		if (it->note)
			buf_printf(&out, "%s: %s\n", it->path, it->note);
		else
			buf_printf(&out, "%s: %s > %s\n", it->path, it->from ? it->from : "-", it->to ? it->to : "-");
	}
	assert_string_equal(out.p ? out.p : "", want);
	fields_done(&f);
}

static void values_and_maps(void **state)
{
	differ("s.web", "{'image':'a','tty':true}", "{'tty':true,'image':'a'}", "");
	differ("s.web", "{'environment':{'A':'1','B':'2','C':null}}", "{'environment':{'A':'3','D':null,'C':null}}",
	       "s.web.environment.A: \"1\" > \"3\"\ns.web.environment.B: \"2\" > -\ns.web.environment.D: - > null\n");
	differ("s.web", "{}", "{'environment':{'A':'1'}}", "s.web.environment.A: - > \"1\"\n");
	differ("s.web", "{'labels':{'com.example/x':'1'}}", "{'labels':{'com.example/x':'2'}}", "s.web.labels[\"com.example/x\"]: \"1\" > \"2\"\n");
	differ("s.web", "{'networks':{'default':null}}", "{'networks':{'back':{}}}", "s.web.networks.back: - > {}\ns.web.networks.default: null > -\n");
	differ("s.web.mem_limit", "'5'", "5", "s.web.mem_limit: \"5\" > 5\n");
	differ("s.web", NULL, NULL, "");
}

static void lists_of_words_are_one_value(void **state)
{
	differ("s.web.command", "['sleep','1']", "['sleep','2']", "s.web.command: [\"sleep\",\"1\"] > [\"sleep\",\"2\"]\n");
	differ("s.web.command", "null", "[]", "s.web.command: null > []\n");
	differ("s.web.dns", "['1.1.1.1','8.8.8.8']", "['8.8.8.8','1.1.1.1']", "s.web.dns: [\"1.1.1.1\",\"8.8.8.8\"] > [\"8.8.8.8\",\"1.1.1.1\"]\n");
}

static void sets(void **state)
{
	differ("s.web.cap_add", "['A','B']", "['B','C']", "s.web.cap_add[1]: - > \"C\"\ns.web.cap_add[0]: \"A\" > -\n");
	differ("s.web.cap_add", "['A','B']", "['B','A']", "s.web.cap_add: order changed\n");
	differ("s.web", "{}", "{'cap_add':['A']}", "s.web.cap_add[0]: - > \"A\"\n");
	differ("s.web", "{'cap_add':[]}", "{'cap_add':null}", "s.web.cap_add: [] > null\n");
}

static void items_are_known_by_what_they_are_for(void **state)
{
	differ("s.web.ports", "[{'target':80,'published':'8080','protocol':'tcp'},{'target':81,'protocol':'tcp'}]",
	       "[{'target':81,'protocol':'tcp'},{'target':80,'published':'8081','protocol':'tcp'}]",
	       "s.web.ports[1].published: \"8080\" > \"8081\"\n");
	/* one of two of the same port: the other one is known by being equal */
	differ("s.web.ports", "[{'target':80,'published':'1'},{'target':80,'published':'2'}]", "[{'target':80,'published':'3'},{'target':80,'published':'1'}]",
	       "s.web.ports[0].published: \"2\" > \"3\"\n");
	differ("s.web.volumes", "[{'type':'bind','source':'/a','target':'/x'}]", "[{'type':'bind','source':'/b','target':'/x'},{'target':'/y'}]",
	       "s.web.volumes[0].source: \"/a\" > \"/b\"\ns.web.volumes[1]: - > {\"target\":\"/y\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_maps),
		cmocka_unit_test(lists_of_words_are_one_value),
		cmocka_unit_test(sets),
		cmocka_unit_test(items_are_known_by_what_they_are_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
