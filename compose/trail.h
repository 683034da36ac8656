/* trail.h - private: where a walk over the tree stands, in words: "services.web.ports[1]". */
#pragma once

#include "../src/util/buf.h"

/* One step down; returns what takes it back. */
size_t trail_key(struct buf *trail, const char *key);
size_t trail_index(struct buf *trail, size_t i);
void trail_back(struct buf *trail, size_t mark);
/* NULL at the root. Valid until the next step. */
const char *trail_text(const struct buf *trail);
