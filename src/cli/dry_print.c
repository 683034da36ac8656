/* dry_print.c - changes as people and as programs read them. */
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "dry.h"

enum { VALUE_WIDTH = 120 };

static const struct {
	const char *sign;
	enum ui_colour colour;
	const char *count;       /* in the last line */
} looks[] = {
	[CHANGE_BUILD] = { "*", C_CYAN, "to build" },	    [CHANGE_PULL] = { "*", C_CYAN, "to pull" },
	[CHANGE_CREATE] = { "+", C_GREEN, "to create" },    [CHANGE_RECREATE] = { "±", C_YELLOW, "to recreate" },
	[CHANGE_START] = { ">", C_GREEN, "to start" },	    [CHANGE_RESTART] = { "~", C_YELLOW, "to restart" },
	[CHANGE_STOP] = { "!", C_RED, "to stop" },	    [CHANGE_REMOVE] = { "-", C_RED, "to remove" },
	[CHANGE_KILL] = { "!", C_RED, "to kill" },	    [CHANGE_PAUSE] = { "!", C_YELLOW, "to pause" },
	[CHANGE_UNPAUSE] = { ">", C_GREEN, "to let go on" }, [CHANGE_PUSH] = { "*", C_CYAN, "to push" },
	[CHANGE_UPDATE] = { "~", C_YELLOW, "to update" },   [CHANGE_KEEP] = { " ", C_DIM, "unchanged" },
};

/* A port or a mount as people write it, NULL: it is neither. Malloc'ed. */
static char *short_form(const json_t *item)
{
	const json_t *port = json_object_get(item, "target");
	const char *source = jx_str(item, "source"), *target = jx_str(item, "target"), *host = jx_str(item, "host_ip"),
		   *published = jx_str(item, "published"), *protocol = jx_str(item, "protocol");

	if (json_is_integer(port))
		return xasprintf("%s%s%s%s%lld/%s", host ? host : "", host ? ":" : "", published ? published : "", published ? ":" : "",
				 (long long)json_integer_value(port), protocol ? protocol : "tcp");
	if (target && jx_str(item, "type"))
		return xasprintf("%s%s%s%s", source ? source : "", source ? ":" : "", target, jx_bool(item, "read_only", false) ? ":ro" : "");
	return NULL;
}

static void print_value(struct ui *ui, const char *json)
{
	auto_json json_t *item = json && *json == '{' ? json_loads(json, 0, NULL) : NULL;
	auto_free char *brief = item ? short_form(item) : NULL;
	auto_free char *shown = json ? ui_ellipsis(brief ? brief : json, VALUE_WIDTH) : NULL;

	ui_print(ui, "%s", shown ? shown : "(none)");
}

static void print_field(struct ui *ui, const struct field *f)
{
	ui_print(ui, "      %s: ", f->path);
	if (f->note) {
		ui_print(ui, "%s\n", f->note);
		return;
	}
	ui_print(ui, "%s", ui_on(ui->colour_out, C_RED));
	print_value(ui, f->from);
	ui_print(ui, "%s → %s", ui_off(ui->colour_out), ui_on(ui->colour_out, C_GREEN));
	print_value(ui, f->to);
	ui_print(ui, "%s\n", ui_off(ui->colour_out));
}

/* What stays as it is is only counted, but for what somebody may want to know of it. */
static bool is_shown(const struct change *c)
{
	return c->action != CHANGE_KEEP || c->why;
}

static const char *why_of(const struct change *c)
{
	return c->orphan && c->action == CHANGE_KEEP ? "its service is not in the file; --remove-orphans removes it" : c->why;
}

static void print_change(struct ui *ui, const struct change *c, int width)
{
	const char *why = why_of(c);
	int pad = width - (int)ui_width(c->name, strlen(c->name));

	ui_print(ui, "%s%s %-8s%s  %-9s  %s", ui_on(ui->colour_out, looks[c->action].colour), looks[c->action].sign,
		 change_action_str(c->action), ui_off(ui->colour_out), change_resource_str(c->resource), c->name);
	if (why)
		ui_print(ui, "%*s  %s%s%s", pad, "", ui_on(ui->colour_out, C_DIM), why, ui_off(ui->colour_out));
	ui_print(ui, "\n");
	for (size_t i = 0; i < c->fields.n; i++)
		print_field(ui, &c->fields.v[i]);
}

static void print_summary(struct ui *ui, const struct changes *changes)
{
	const char *sep = "";

	for (int a = 0; a < CHANGE_NACTIONS; a++) {
		size_t n = changes_count(changes, (enum change_action)a);

		if (n)
			ui_print(ui, "%s%zu %s", sep, n, looks[a].count);
		if (n)
			sep = ", ";
	}
	ui_print(ui, "%s\n", *sep ? "" : "nothing to do");
}

void dry_print_text(struct ui *ui, const struct changes *changes)
{
	size_t width = 0;

	for (size_t i = 0; i < changes->n; i++) {
		size_t w = ui_width(changes->v[i].name, strlen(changes->v[i].name));

		if (is_shown(&changes->v[i]) && w > width)
			width = w;
	}
	for (size_t i = 0; i < changes->n; i++)
		if (is_shown(&changes->v[i]))
			print_change(ui, &changes->v[i], (int)width);
	print_summary(ui, changes);
}

/* ------------------------------------------------------------------ JSON */

static json_t *value_json(const char *text)
{
	json_t *j = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	return j ? j : json_null();
}

static json_t *field_json(const struct field *f)
{
	json_t *o = json_object();

	jx_set_str(o, "path", f->path);
	json_object_set_new(o, "from", value_json(f->from));
	json_object_set_new(o, "to", value_json(f->to));
	jx_set_str(o, "note", f->note);
	return o;
}

static json_t *change_json(const struct change *c)
{
	json_t *o = json_object(), *fields = json_array();

	for (size_t i = 0; i < c->fields.n; i++)
		json_array_append_new(fields, field_json(&c->fields.v[i]));
	jx_set_str(o, "resource", change_resource_str(c->resource));
	jx_set_str(o, "name", c->name);
	jx_set_str(o, "service", c->service);
	jx_set_str(o, "action", change_action_str(c->action));
	jx_set_str(o, "why", c->why);
	if (c->orphan)
		jx_set_bool(o, "orphan", true);
	json_object_set_new(o, "fields", fields);
	return o;
}

void dry_print_json(struct ui *ui, const struct changes *changes)
{
	auto_json json_t *o = json_object();
	json_t *list = json_array(), *summary = json_object();
	auto_free char *text = NULL;

	for (size_t i = 0; i < changes->n; i++)
		json_array_append_new(list, change_json(&changes->v[i]));
	for (int a = 0; a < CHANGE_NACTIONS; a++)
		jx_set_int(summary, change_action_str((enum change_action)a), (int64_t)changes_count(changes, (enum change_action)a));
	json_object_set_new(o, "changes", list);
	json_object_set_new(o, "summary", summary);
	text = json_dumps(o, JSON_INDENT(2));
	ui_print(ui, "%s\n", text);
}
