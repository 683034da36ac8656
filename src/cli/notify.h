/* notify.h - telling systemd how a start goes (sd_notify(3), its protocol alone). */
#pragma once

#include <stdbool.h>

/* True when systemd has started this process as a service of Type=notify. */
bool notify_wanted(void);
/* Lines such as "READY=1"; nothing happens when nobody wants to know. */
void notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
