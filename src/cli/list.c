#include "list.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "../tmpl/tmpl.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"

#define TABLE "table"

static bool is_table(const char *format)
{
	return !format || !*format || STREQ(format, TABLE) || STREQ(format, "pretty");
}

/* "\t" as people type it in quotes */
static char *unescape(const char *s)
{
	struct buf b = BUF_INIT;

	for (; *s; s++) {
		bool known = s[0] == '\\' && (s[1] == 't' || s[1] == 'n');

		buf_char(&b, !known ? *s : s[1] == 't' ? '\t' : '\n');
		s += known;
	}
	return buf_take(&b);
}

static int parse(const char *format, bool *ret_table, struct tmpl **ret, struct err *err)
{
	auto_free char *text = unescape(format);
	const char *p = text;

	*ret_table = str_starts(p, TABLE) && (isspace((unsigned char)p[strlen(TABLE)]) || p[strlen(TABLE)] == '{');
	if (*ret_table)
		p += strlen(TABLE);
	while (*ret_table && isspace((unsigned char)*p))
		p++;
	if (!strstr(p, "{{")) {
		err_set(err, ERR_USAGE, "unsupported format '%s'", format);
		return err_hint(err, "there are " LIST_FORMAT_HELP);
	}
	return tmpl_parse(p, ret, err) < 0 ? err_wrap(err, "flag '--format'") : 0;
}

int list_check(const char *format, struct err *err)
{
	struct tmpl *t = NULL;
	bool table;

	if (is_table(format) || STREQ(format, "json"))
		return 0;
	if (parse(format, &table, &t, err) < 0)
		return -1;
	tmpl_free(t);
	return 0;
}

/* ------------------------------------------------------------------ rows */

json_t *list_row(struct list *l)
{
	json_t *row = json_object();

	if (!l->rows)
		l->rows = json_array();
	json_array_append_new(l->rows, row);
	return row;
}

void list_set(json_t *row, const char *key, const char *text)
{
	auto_buf struct buf b = BUF_INIT;

	buf_utf8(&b, text ? text : "");
	json_object_set_new(row, key, json_string(b.p ? b.p : ""));
}

void list_setf(json_t *row, const char *key, const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	list_set(row, key, b.p);
}

void list_done(struct list *l)
{
	json_decref(l->rows);
	l->rows = NULL;
}

/* ------------------------------------------------------------------ the forms */

static void print_columns(struct cli *c, const struct list *l)
{
	auto_free const char **heads = NULL;
	const json_t *row;
	struct table t;
	size_t i, n = 0;

	while (l->columns[n].key)
		n++;
	heads = xcalloc(n + 1, sizeof *heads);
	n = 0;
	for (i = 0; l->columns[i].key; i++)
		if (!l->columns[i].hidden)
			heads[n++] = l->columns[i].head;
	table_init(&t, heads);
	n = 0;
	for (i = 0; l->columns[i].key; i++)
		if (!l->columns[i].hidden)
			t.names |= (uint64_t)l->columns[i].name << n++;
	json_array_foreach(l->rows, i, row)
		for (size_t k = 0; l->columns[k].key; k++)
			if (!l->columns[k].hidden)
				table_add(&t, jx_str(row, l->columns[k].key));
	table_print(&t, l->min_width, l->whole, &c->ui);
	table_done(&t);
}

static void print_json(struct cli *c, const struct list *l)
{
	auto_free char *all = NULL;
	const json_t *row;
	size_t i;

	if (l->json == LIST_ARRAY) {
		all = json_dumps(l->rows, JSON_COMPACT);
		ui_print(&c->ui, "%s\n", l->rows && all ? all : "[]");
		return;
	}
	json_array_foreach(l->rows, i, row) {
		auto_free char *one = json_dumps(row, JSON_COMPACT);

		ui_print(&c->ui, "%s\n", one ? one : "{}");
	}
}

/* "CreatedAt" → "CREATED AT" */
static json_t *head_of_key(const char *key)
{
	auto_buf struct buf b = BUF_INIT;

	for (const char *p = key; *p; p++) {
		if (p > key && isupper((unsigned char)p[0]) && islower((unsigned char)p[-1]))
			buf_char(&b, ' ');
		buf_char(&b, (char)toupper((unsigned char)*p));
	}
	return json_string(b.p ? b.p : "");
}

/* A row of headings, so that the same template makes the line above. */
static json_t *heads_row(const struct list *l)
{
	json_t *row = json_object(), *value;
	const char *key;

	json_object_foreach(json_array_get(l->rows, 0), key, value)
		json_object_set_new(row, key, head_of_key(key));
	for (size_t i = 0; l->columns[i].key; i++)
		json_object_set_new(row, l->columns[i].key, json_string(l->columns[i].head));
	return row;
}

/* Columns of text that tabs separate; as many as the longest line has. */
static void print_tabbed(struct cli *c, const char *text, size_t min_width)
{
	size_t columns = 1, so_far = 1;
	auto_free const char **heads = NULL;
	auto_free char *copy = xstrdup(text);
	struct table t;

	for (const char *p = text; *p; p++) {
		so_far = *p == '\n' ? 1 : so_far + (*p == '\t');
		columns = so_far > columns ? so_far : columns;
	}
	heads = xcalloc(columns + 1, sizeof *heads);
	table_init(&t, heads);
	t.columns = columns;
	for (char *line = copy, *end; *line; line = end) {
		size_t cells = 0;

		end = line + strcspn(line, "\n");
		if (*end)
			*end++ = '\0';
		for (char *cell; (cell = strsep(&line, "\t")); cells++)
			table_add(&t, cell);
		for (; cells < columns; cells++)
			table_add(&t, NULL);
	}
	table_format(&t, min_width, &c->ui.out);
	table_done(&t);
}

static int print_template(struct cli *c, const struct list *l, const char *format, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	auto_json json_t *heads = NULL;
	struct tmpl *t = NULL;
	const json_t *row;
	bool table;
	size_t i;
	int r;

	r = parse(format, &table, &t, err);
	if (r == 0 && table) {
		heads = heads_row(l);
		/* it may do with text what only lists can stand: no headings then */
		if (tmpl_run(t, heads, &text, NULL) < 0)
			buf_done(&text);
		else
			buf_char(&text, '\n');
	}
	json_array_foreach(l->rows, i, row) {
		r = r < 0 ? -1 : tmpl_run(t, row, &text, err);
		buf_char(&text, '\n');
	}
	tmpl_free(t);
	if (r < 0)
		return err_wrap(err, "flag '--format'");
	if (table)
		print_tabbed(c, text.p ? text.p : "", l->min_width);
	else
		buf_str(&c->ui.out, text.p ? text.p : "");
	return 0;
}

int list_print(struct cli *c, const struct list *l, const char *format, struct err *err)
{
	if (is_table(format))
		print_columns(c, l);
	else if (STREQ(format, "json"))
		print_json(c, l);
	else
		return print_template(c, l, format, err);
	return 0;
}
