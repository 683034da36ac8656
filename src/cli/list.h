/* list.h - listings: rows with fields, shown as a table, as JSON or by a Go template, as --format says.
 *
 *	(nothing), table, pretty        the columns
 *	json                            the rows as they are
 *	table TEMPLATE                  a table whose cells the template separates by tabs, with headings
 *	TEMPLATE                        a line for each row
 * In a template \t and \n stand for a tab and a new line, as in docker. */
#pragma once

#include <jansson.h>

#include "cli.h"

struct list_column {
	const char *key, *head;  /* field of the row; what stands above it */
	bool hidden;             /* in templates only */
	bool name;               /* what people know the row by: shortened last where the terminal is narrow */
};

enum list_json { LIST_LINES, LIST_ARRAY };

struct list {
	const struct list_column *columns;       /* key NULL ends them; a field without one is headed by its name */
	enum list_json json;
	size_t min_width;                        /* of a column */
	bool whole;                              /* nothing is shortened to make the columns fit the terminal */
	json_t *rows;                            /* array of objects; list_done() releases it */
};

#define LIST_FORMATS "table json …"
#define LIST_FORMAT_HELP "table, json, or a Go template: '{{.Name}}', 'table {{.Name}}\\t{{.Status}}'"

/* Before anything is looked up: ERR_USAGE for a format that is none of these. */
int list_check(const char *format, struct err *err);
/* A new row; it belongs to the list. */
json_t *list_row(struct list *l);
/* Text becomes UTF-8; NULL is "". */
void list_set(json_t *row, const char *key, const char *text);
void list_setf(json_t *row, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int list_print(struct cli *c, const struct list *l, const char *format, struct err *err);
void list_done(struct list *l);
