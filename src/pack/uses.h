/* uses.h - who uses which images. Whoever asks for a removal knows (src/verb/in_use.c); here it is only compared. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../util/err.h"

struct pack_use {
	char *project, *what;	/* "shop"; "container 'shop-db-1'", "service 'db'" */
	char *image_id;		/* "sha256:…" of what a container is made of; NULL: only the name is known */
	char *ref;		/* the name that is used, normalised; may be NULL */
	bool container;		/* that there is, or that is being made; else a project's file names the image */
};
struct pack_uses {
	struct pack_use *v;	/* texts are owned */
	size_t n, cap;
};
/* Called under the store's lock, more than once. Fills an empty list. */
typedef int pack_uses_fn(void *arg, struct pack_uses *ret, struct err *err);

/* The first that is made of this image, or goes by this name; NULL: nobody. Borrowed. */
const struct pack_use *uses_of_id(const struct pack_uses *u, const char *id);
const struct pack_use *uses_of_ref(const struct pack_uses *u, const char *ref);
void uses_done(struct pack_uses *u);
