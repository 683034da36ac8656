/* push.h - images of the store go to their registries, as they are: the manifest, or the index, and what it names (OCI Distribution
 * Specification 1.1, "Pushing manifests").
 *
 * Blobs that the repository has are not sent. One that another repository of the same registry has, as far as the store or this push knows,
 * is mounted from there, which costs the registry nothing and us no bytes. Blobs of all images are under way at once, each digest once a
 * registry; the manifest goes last, so that a name never stands for half an image. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "../util/err.h"

struct push_image {
	/* platform NULL: all, as an index, when they were built or pulled together and all are there; else this machine's. Both borrowed. */
	const char *ref, *platform;
};
struct push_req {
	const char *state_dir;
	const struct push_image *images;
	size_t n;
	bool no_verify;                  /* --tls-verify=false */
	/* {"ev":"image","ref","state":"pushing"|"pushed"|"failed","digest","msg","hint","kind"}, {"ev":"layer","image","digest",
	 * "state":"waiting"|"uploading"|"pushed"|"present"|"mounted","bytes","size"}, {"ev":"warn","msg"}. Borrowed by the callee. */
	void (*on_event)(void *arg, const json_t *ev);
	void *arg;
};
/* 0 when each image has come to its end, which its last event tells. -1: nothing could be begun. */
int push_run(const struct push_req *req, struct err *err);
