/* event_text.h - an event (state/events.h) as `docker compose events` prints it. */
#pragma once

#include <jansson.h>

#include "../util/buf.h"

/* "2024-01-01 12:00:00.000000 container start ID (image=redis:7, name=demo-db-1)" and a newline; local time, attributes by name. */
void event_text(const json_t *event, struct buf *out);
/* {"action":…,"attributes":{…},"id":…,"service":…,"time":"2024-01-01T12:00:00.123456789+01:00","type":…} and a newline. */
void event_json(const json_t *event, struct buf *out);
