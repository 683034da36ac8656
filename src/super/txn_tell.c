/* txn_tell.c - what has failed, told with the last that the container said, before any of it is undone. */
#include "txn.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/visible.h"

enum { LAST_LINES = 10, LINE_MAX_BYTES = 400 };

/* Of this container, not of those that had the slot before it. */
static json_t *last_lines(const struct unit *u)
{
	const struct log_range range = { .since_ns = u->rec.created_ns, .tail = LAST_LINES };
	auto_err struct err err = ERR_INIT;
	json_t *lines = json_array();
	struct logr *r = NULL;
	struct log_line line;

	if (logr_open(u->s->logs_fd, unit_log_slot(u), &range, &r, &err) < 0)
		return lines;
	while (json_array_size(lines) < LAST_LINES && logr_next(r, true, &line, &err) == 1) {
		auto_buf struct buf b = BUF_INIT;
		visible(&b, line.text, line.len < LINE_MAX_BYTES ? line.len : LINE_MAX_BYTES);
		buf_str(&b, line.len > LINE_MAX_BYTES ? "…" : "");
		json_array_append_new(lines, json_string(b.p ? b.p : ""));
	}
	logr_close(r);
	return lines;
}

void txn_tell_failure(struct txn *t, enum op_kind kind, struct unit *u)
{
	json_t *event = json_object();

	jx_set_str(event, "ev", "failed");
	jx_set_str(event, "step", op_kind_str(kind));
	if (u && u->rec.id) {
		streams_catch_up(u);
		jx_set_str(event, "name", u->rec.name);
		jx_set_str(event, "service", u->rec.service);
		json_object_set_new(event, "lines", last_lines(u));
	}
	client_send(t->c, event);
}
