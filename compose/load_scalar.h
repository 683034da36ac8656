/* load_scalar.h - what a plain scalar means. Private to load. */
#pragma once

#include "node.h"

/* Sets kind and value of n by its text, as a plain scalar without a tag. */
void load_scalar_resolve(struct node *n);
