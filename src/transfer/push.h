/* push.h - images of the store go to their registries, as they are: the manifest and the blobs that it names (OCI Distribution
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
	const char *ref, *platform;      /* platform NULL: this machine's; both borrowed */
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
