/* inherit.h - directories that a layer only implies.
 *
 * A layer may have "home/app/f" without an entry for "home/app". In the overlay its directory would stand for that of the layers
 * below, whose owner, mode and time it therefore gets: as if the layers had been unpacked one over the other. */
#pragma once

#include "publish.h"

/* Each layer's lower ones stand before it in the list, or are in the store. */
int inherit(const struct stage *s, const struct staged_layer *layers, size_t n, struct err *err);
