/* argv.h - what the builders are asked, as words. Pure: nothing is looked at but what is handed over. */
#pragma once

#include "spec.h"

struct argv_places {                     /* absolute paths */
	const char *storage;             /* buildah's, of that platform, shared by all builds */
	const char *driver;              /* of the storage, NULL: buildah chooses */
	const char *run;                 /* of this job: run root of storage and runtime, RUN/build/SESSION/JOB */
	const char *platform;            /* NULL: this host's, without saying so */
	const char *iid;                 /* file for the image's id, or BuildKit's metadata */
	const char *out;                 /* BuildKit: directory for the layout */
	const char *images;              /* davit's store */
	const char *runtime;             /* as in struct build_host */
	const char *cgroup;              /* of what RUN starts */
	const struct strs *contexts;     /* "WORD=NAME": what stands in the Dockerfile, and what buildah's storage calls it; NULL: none */
	const char *isolation;           /* $BUILDAH_ISOLATION, NULL: not set */
	uint64_t max_files, max_processes; /* hard limits of ours */
};

/* "buildah --root … --runroot …": what every command begins with. */
void argv_buildah(const struct argv_places *at, struct strs *ret);
/* The whole command of a build; what a builder cannot do is left out (warn.h). */
void argv_buildah_build(const struct build_spec *b, const struct argv_places *at, struct strs *ret);

/* bases: images of davit's store, "NAME=sha256:…" of the manifest. */
void argv_buildkit_build(const struct build_spec *b, const struct argv_places *at, const struct strs *bases, struct strs *ret);

/* --- shared --- */
/* Of "type=registry,ref=R,…" the value of a key; of plain "R" the ref. malloc'ed, NULL: there is none. */
char *argv_cache_ref(const char *item);
/* The network that RUN has: the host's unless the file says otherwise. */
const char *argv_network(const struct build_spec *b);
/* Whether buildah knows that isolation: it is the word then, else NULL. */
const char *argv_isolation(const char *asked);
bool argv_privileged(const struct build_spec *b);
/* The address of an extra host; "host-gateway" is the host, whose network RUN has. */
const char *argv_host_ip(const struct build_spec *b, const char *ip);
