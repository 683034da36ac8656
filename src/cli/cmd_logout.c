#include <string.h>

#include "../util/json.h"
#include "../util/str.h"
#include "cli.h"
#include "imager.h"

static int on_event(void *arg, const json_t *ev, struct err *err)
{
	struct cli *c = arg;

	if (str_eq(jx_str(ev, "ev"), "logout"))
		ui_print(&c->ui, "%s %s\n", jx_bool(ev, "erased", true) ? "Removing login credentials for" : "Not logged in to",
			jx_str(ev, "server") ? jx_str(ev, "server") : "");
	return 0;
}

static int logout_run(struct cli *c, const void *opts, struct err *err)
{
	const struct imager what = {
		.verb = "logout",
		.request = json_pack("{s:s}", "server", c->args.n ? c->args.v[0] : ""),
		.input_fd = -1,
		.output_fd = -1,
		.on_event = on_event,
		.arg = c,
	};

	return what.request ? imager_run(c, &what, err) : err_set(err, ERR_INPUT, "the server's name must be UTF-8");
}

const struct cmd cmd_logout = {
	.name = "logout",
	.args = "[SERVER]",
	.summary = "forget the credentials for a registry; without SERVER, for docker.io",
	.max_args = 1,
	.run = logout_run,
};
