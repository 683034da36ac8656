#include "ui.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/tty.h"
#include "../util/visible.h"

enum { PADDING = 3, NAMES = 2, MIN_CELL = 4, TOO_NARROW = 20 };

void table_init(struct table *t, const char *const *heads)
{
	*t = (struct table){ .padding = PADDING };
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
		size_t w = ui_width(t->cells[i], strlen(t->cells[i])) + t->padding;

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

/* ------------------------------------------------------------------ fitting */

static size_t cell_width(const struct table *t, size_t i)
{
	return ui_width(t->cells[i], strlen(t->cells[i]));
}

static size_t widest_cell(const struct table *t, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < t->n; i += t->columns)
		width = cell_width(t, i) > width ? cell_width(t, i) : width;
	return width;
}

static bool has_names(const struct table *t, size_t column)
{
	return column < 64 && (t->names >> column & 1);
}

/* How wide a cell of that column may be when those of others are at most `most`: as wide as its heading in any case. */
static size_t cap_of(const struct table *t, size_t column, size_t most)
{
	size_t head = cell_width(t, column) > MIN_CELL ? cell_width(t, column) : MIN_CELL;
	size_t cap = has_names(t, column) ? NAMES * most : most;

	return cap > head ? cap : head;
}

static size_t line_width(const struct table *t, const size_t *widths, size_t min_width, size_t most)
{
	size_t sum = 0;

	for (size_t i = 0; i < t->columns; i++) {
		size_t width = widths[i] < cap_of(t, i, most) ? widths[i] : cap_of(t, i, most);

		if (i + 1 < t->columns)
			width = width + t->padding > min_width ? width + t->padding : min_width;
		sum += width;
	}
	return sum;
}

static void cut_cells(struct table *t, size_t most)
{
	for (size_t i = t->columns; i < t->n; i++) {
		size_t column = i % t->columns, cap = cap_of(t, column, most);
		char *cut = has_names(t, column) ? ui_ellipsis_middle(t->cells[i], cap) : ui_ellipsis(t->cells[i], cap);

		free(t->cells[i]);
		t->cells[i] = cut;
	}
}

size_t table_fit(struct table *t, size_t min_width, size_t width)
{
	auto_free size_t *widths = xcalloc(t->columns + 1, sizeof *widths);
	size_t most = 0;

	for (size_t i = 0; i < t->columns; i++) {
		widths[i] = widest_cell(t, i);
		most = widths[i] > most ? widths[i] : most;
	}
	if (!width || line_width(t, widths, min_width, most) <= width)
		return min_width;
	t->padding = PADDING - 1;
	if (line_width(t, widths, 0, MIN_CELL) > width)
		t->padding = 1;
	while (most > MIN_CELL && line_width(t, widths, 0, most) > width)
		most--;
	cut_cells(t, most);
	return 0;
}

size_t ui_columns(void)
{
	int width = isatty(STDOUT_FILENO) ? tty_width(STDOUT_FILENO) : 0;

	return width > TOO_NARROW ? (size_t)width : 0;
}

void table_print(struct table *t, size_t min_width, bool whole, struct ui *ui)
{
	table_format(t, table_fit(t, min_width, whole ? 0 : ui_columns()), &ui->out);
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
}
