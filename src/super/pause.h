/* pause.h - containers whose processes stand still.
 *
 * rec.paused is on disk before the cgroup is frozen and until it is thawed, so who takes over freezes again what may not have been. A paused
 * container counts as running; nobody looks at its health. Whoever ends it or sends it a signal lets it go on, as docker does. */
#pragma once

#include "../util/err.h"

struct unit;

/* What is so already stays so. */
int unit_pause(struct unit *u, struct err *err);
int unit_unpause(struct unit *u, struct err *err);
/* Lets it go on if it is paused; a failure is logged. */
void unit_thaw(struct unit *u);
/* After a takeover: makes true what the record says. */
void unit_refreeze(struct unit *u);
