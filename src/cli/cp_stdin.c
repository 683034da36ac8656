#include <errno.h>
#include <unistd.h>

#include "../util/json.h"
#include "cp.h"
#include "imager.h"

static int on_event(void *arg, const json_t *ev, struct err *err)
{
	const struct cp *cp = arg;

	if (str_eq(jx_str(ev, "ev"), "warn") && jx_str(ev, "msg"))
		ui_warn(&cp->c->ui, "%s", jx_str(ev, "msg"));
	return 0;
}

int cp_from_stdin(const struct cp *cp, const struct container_root *root, struct err *err)
{
	const struct copy_root in = { .fd = root->fd, .name = root->label };
	struct copy_place to;
	struct imager what = { .verb = "extract", .input_fd = STDIN_FILENO, .output_fd = root->fd, .on_event = on_event, .arg = (void *)(uintptr_t)cp };
	int r = copy_place_dir(&in, cp->target, &to, err);

	if (r == 0 && isatty(STDIN_FILENO)) {
		err_set(err, ERR_USAGE, "standard input is a terminal: no archive comes from it");
		r = err_hint(err, "pipe one: tar -c . | davit cp - %s%s", root->label, cp->target);
	}
	if (r == 0 && !cp->c->g.dry_run) {
		what.request = json_pack("{s:s,s:b}", "target", cp->target, "keep_owner", cp->archive);
		r = imager_run(cp->c, &what, err);
		err_hint_room(err, to.shown);
	}
	copy_place_done(&to);
	return r;
}
