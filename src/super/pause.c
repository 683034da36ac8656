#include "pause.h"

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "sup.h"

int unit_pause(struct unit *u, struct err *err)
{
	if (u->rec.paused)
		return 0;
	u->rec.paused = true;
	unit_save(u);
	if (cgroup_freeze(u->launch.cgroup, true, err) < 0) {
		u->rec.paused = false;
		unit_save(u);
		return err_wrap(err, "pause container '%s'", u->rec.name);
	}
	health_stop(u);
	unit_event(u, EV_PAUSE, clock_wall_ns(), NULL, NULL);
	return 0;
}

int unit_unpause(struct unit *u, struct err *err)
{
	if (!u->rec.paused)
		return 0;
	if (cgroup_freeze(u->launch.cgroup, false, err) < 0)
		return err_wrap(err, "unpause container '%s'", u->rec.name);
	u->rec.paused = false;
	unit_save(u);
	unit_event(u, EV_UNPAUSE, clock_wall_ns(), NULL, NULL);
	if (u->state == U_RUNNING)
		health_start(u);
	return 0;
}

void unit_thaw(struct unit *u)
{
	auto_err struct err err = ERR_INIT;

	if (unit_unpause(u, &err) < 0)
		log_error("%s: %s", u->rec.slot, err_msg(&err));
}

void unit_refreeze(struct unit *u)
{
	auto_err struct err err = ERR_INIT;

	if (u->rec.paused && cgroup_freeze(u->launch.cgroup, true, &err) < 0)
		log_error("%s: %s", u->rec.slot, err_msg(&err));
}
