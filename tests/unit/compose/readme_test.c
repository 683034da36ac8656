/* The README's lists of attributes are those of the tables. Runs in the project's root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../compose/attr.h"

static char text[1 << 16];

static int setup(void **state)
{
	FILE *f = fopen("README.md", "r");
	size_t n;

	if (!f)
		return -1;
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = 0;
	fclose(f);
	return n == sizeof text - 1;
}

/* The paragraph that begins so, up to an empty line. */
static char *paragraph(const char *begin)
{
	char *p = strstr(text, begin), *end;

	assert_non_null(p);
	end = strstr(p, "\n\n");
	assert_non_null(end);
	return strndup(p, (size_t)(end - p));
}

static const char *where(const struct attr *row)
{
	if (row->flags & AF_LATER)
		return "Understood, not acted on yet";
	return row->flags & AF_NOTE ? "Without effect" : "Services:";
}

static void test_every_attribute_is_listed_where_it_belongs(void **state)
{
	for (const struct attr *row = attr_service.kids; row->key; row++) {
		char word[64];
		char *list = paragraph(where(row));

		snprintf(word, sizeof word, "`%s`", row->key);
		if (!(row->flags & AF_HIDE) && strcmp(row->key, "extends") != 0 && !strstr(list, word))
			fail_msg("%s is not listed under '%s'", word, where(row));
		free(list);
	}
}

/* Takes what is in brackets out: it speaks of an attribute's inside. */
static void drop_brackets(char *s)
{
	char *to = s;
	int depth = 0;

	for (; *s; s++) {
		depth += *s == '(';
		if (!depth)
			*to++ = *s;
		depth -= *s == ')';
	}
	*to = 0;
}

static void test_nothing_else_is_listed(void **state)
{
	char *list = paragraph("Services:"), *p = list, *word;
	size_t n = 0;

	drop_brackets(list);
	for (word = strsep(&p, "`"); word; word = strsep(&p, "`"), n++)
		if (n % 2 && !attr_find(&attr_service, word))
			fail_msg("'%s' is listed, and no attribute of a service", word);
	assert_true(n > 100);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_attribute_is_listed_where_it_belongs),
		cmocka_unit_test(test_nothing_else_is_listed),
	};
	return cmocka_run_group_tests_name("readme", tests, setup, NULL);
}
