/* in_use.h - which images projects refer to, running or stopped: what their containers are made of, and what their files name. */
#pragma once

#include "../pack/uses.h"

/* A pack_uses_fn; arg: the state directory. A project whose records cannot be read is an error: nothing may be removed then. */
int in_use(void *arg, struct pack_uses *ret, struct err *err);
