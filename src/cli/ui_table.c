#include "ui.h"

#include <stdarg.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/visible.h"

enum { PADDING = 3 };

void table_init(struct table *t, const char *const *heads)
{
	*t = (struct table){ 0 };
	for (size_t i = 0; heads[i]; i++)
		table_add(t, heads[i]);
	t->columns = t->n;
}

void table_add(struct table *t, const char *text)
{
	char **cell = XGROW(t->cells, t->n, t->cap);

	*cell = visible_copy(text ? text : "");
}

void table_addf(struct table *t, const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	table_add(t, b.p);
}

static size_t column_width(const struct table *t, size_t column, size_t min_width)
{
	size_t width = min_width;

	for (size_t i = column; i < t->n; i += t->columns) {
		size_t w = ui_width(t->cells[i], strlen(t->cells[i])) + PADDING;

		if (w > width)
			width = w;
	}
	return width;
}

void table_format(const struct table *t, size_t min_width, struct buf *out)
{
	auto_free size_t *widths = xcalloc(t->columns, sizeof *widths);

	for (size_t i = 0; i < t->columns; i++)
		widths[i] = column_width(t, i, min_width);
	for (size_t i = 0; i < t->n; i++) {
		const char *cell = t->cells[i];
		size_t column = i % t->columns;

		buf_str(out, cell);
		if (column + 1 == t->columns)
			buf_char(out, '\n');
		else
			buf_printf(out, "%*s", (int)(widths[column] - ui_width(cell, strlen(cell))), "");
	}
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
}
