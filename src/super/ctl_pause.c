#include "ctl_pause.h"

#include "pause.h"
#include "sup.h"

void pause_request(struct super *s, struct client *c, const json_t *req, bool pause)
{
	auto_err struct err err = ERR_INIT;

	map_each(&s->units, it) {
		struct unit *u = it->value;
		if (u->rec.init_of || u->rec.run || u->state != U_RUNNING || u->rec.paused == pause || !u->launch.cgroup || !ctl_names_service(req, u->rec.service))
			continue;
		if ((pause ? unit_pause : unit_unpause)(u, &err) < 0) {
			client_fail(c, &err, u->rec.service, NULL);
			return;
		}
		publish_step(s, c, "container", u->rec.name, u->rec.service, pause ? "Paused" : "Unpaused", NULL);
	}
	client_done(c);
}
