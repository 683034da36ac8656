/* build.h - how the images of services that have `build:` are made: by buildah, or by BuildKit when asked for (`buildctl`).
 *
 * What was found out about buildah 1.28 (Debian 12) and 1.39 (Debian 13), and what is made of it:
 * - It keeps its layers, base images and cache in a storage of its own. Ours is STATE/build/storage: nobody else's images are
 *   touched, and removing the directory loses nothing but the cache. It is never read but through buildah.
 * - Each command runs in mount and process namespaces of its own (`unshare --kill-child`), each job with a run root of its own, which
 *   counts mounts: whoever kills the job has ended all its processes and undone all its mounts. Working containers, the runtime's
 *   records and its cgroups that stay behind are removed by the next build (session.h).
 * - FROM an image that nobody has yet: davit-image pulls it, with davit's credentials and mirrors, several layers at once. What it cannot
 *   pull is left to buildah, who reads Dockerfiles better than we do.
 * - FROM an image that only davit's store has: `buildah pull oci:` gives it a name made of the path (1.28) or the layout's (1.39), so a layout with that one
 *   manifest and a link to the store's blobs is made, pulled from, and the id named by `buildah tag`. Images of other services are
 *   there under their names, because services are built in order.
 * - Where overlayfs cannot be used (a state directory on an overlay, without fuse-overlayfs) it copies the whole image for each step, which is
 *   said; it has to be told of its own choice from its second command on (session_driver()).
 * - The formats: only `--format docker` keeps HEALTHCHECK and SHELL; `buildah push oci:` would convert the config and lose them,
 *   `push dir:` empties its directory first, archives are copies through a tar. So the config is taken from `buildah inspect`, whose
 *   text is the config byte for byte (its digest is the image's id), and layers by `push oci:`, which leaves alone a layer that is
 *   there: an empty file by the name of a diff_id keeps it from writing what davit's store has. The base image is never written
 *   again, an unchanged image needs no push at all. New layers come gzipped (level 1), and are moved into the store by rename.
 * - For several platforms it is asked once for each: base images come from davit's store one by one, for which `--platform a,b --manifest`
 *   has no room. It takes a step from its cache whatever platform that was made for, 1.39 too: so each platform has a storage of its own. A
 *   name means one image or a manifest list in it (base_import.c). 1.28 knows no variables in `FROM --platform=` (platforms.c).
 * - RUN has the host's network unless `network:` says otherwise: buildah's own networks leave bridges and firewall rules on the host.
 * - RUN is isolated by the OCI runtime where that works here (the caller knows), else by chroot, where RUN sees the host's devices;
 *   BUILDAH_ISOLATION or `isolation:` decide otherwise.
 * - 1.39 wants limits of 1,048,576 files and processes, and fails where these cannot be had: ours are handed on.
 * - 1.28 forgets labels where a target is not the last stage: the file is given a last stage `FROM TARGET` then.
 * - 1.28 cannot build upon an image whose config has no history ("history lists 0 non-empty layers"), nor read here-documents (here.c).
 *
 * BuildKit gets base images as `oci-layout:` contexts and writes a layout (`type=oci,tar=false`). buildctl is in no distribution: that path is
 * tested with a program that records its arguments, which were compared with what BuildKit's Dockerfile frontend reads (its
 * frontend/dockerui: config.go, attr.go, namedcontext.go). */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../compose/model.h"
#include "../util/err.h"
#include "../util/str.h"

enum build_tool { BUILD_BUILDAH, BUILD_BUILDKIT };

struct build_opts {                      /* of the command line; texts are borrowed */
	bool no_cache, pull;
	bool to_run;                     /* of several platforms only the one that this host will run */
	const struct strs *args;         /* NAME=value, or NAME: the environment's */
	const struct strs *ssh;          /* as in build.ssh; NULL: none */
	const char *memory;              /* for RUN, NULL: no limit */
	enum build_tool tool;
};

struct build_host {
	const char *state_dir, *run_dir; /* absolute */
	const char *runtime;             /* path of the OCI runtime that RUN can use, NULL: chroot */
	bool hide_unified;               /* the runtime does not stand a cgroup v2 tree beside v1: it must not see it */
	const char *version;             /* of davit, for the label */
};

enum build_event { BUILD_BEGUN, BUILD_LINE, BUILD_DONE, BUILD_UNCHANGED, BUILD_FAILED };

struct build_run {
	const struct project *project;
	const bool *wanted;              /* one for each service; what these take by additional_contexts is built, too */
	struct build_opts opts;
	struct build_host host;
	/* In a process of its own: asks davit-image (src/verb/) to pull base images, to take a finished one; takes the request. */
	int (*ask)(void *arg, const char *verb, json_t *request, struct err *err);
	/* What happens; text is a line of output or the image's id. */
	void (*on_event)(void *arg, const struct service *s, enum build_event ev, const char *text);
	/* What the builder does without; where: the place in the service ("build/cache_to/0"). Before anything is built. */
	void (*on_warning)(void *arg, const struct service *s, const char *where, const char *text);
	void *arg;
	size_t at_once;                  /* so many builders at most; 0: twice as many as there are processors, four at least */
	int stop_fd;                     /* readable: it is not wanted any more */
};

/* The builder of that name ("buildah", "buildkit"); NULL or "": buildah. ERR_USAGE. */
int build_tool_parse(const char *name, enum build_tool *ret, struct err *err);
/* Whether it is installed: ERR_NOT_FOUND names the package. */
int build_tool_check(enum build_tool tool, struct err *err);

/* Builds side by side what does not depend on each other (depends_on, additional_contexts). The first failure ends the others. 0;
 * BUILD_STOPPED; -1 with *ret_pos, the place in the user's file when it has one. Nothing is left behind in any case. For the command line:
 * it waits. */
enum { BUILD_STOPPED = 1 };
int build_run(const struct build_run *b, struct pos *ret_pos, struct err *err);

/* --- buildah's storage, which grows with each build --- */
int64_t build_cache_bytes(const char *state_dir);
/* Removes from it what no image and no later step is made of; all: everything, so that the next build begins anew. What that gave back is
 * *ret_bytes. ERR_BUSY: somebody builds. */
int build_prune(const struct build_host *host, bool all, int64_t *ret_bytes, struct err *err);
