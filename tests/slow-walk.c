/* Preloaded, it makes whoever walks a tree (fts) wait for 3 s at a file whose name is "slow", for tests; compiled by them. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <dlfcn.h>
#include <fts.h>
#include <string.h>
#include <time.h>

/* With 64 bits of offset its name is another one to the linker. */
FTSENT *fts_read(FTS *f)
{
	FTSENT *(*real)(FTS *) = (FTSENT *(*)(FTS *))dlsym(RTLD_NEXT, "fts64_read");
	FTSENT *e = real(f);

	if (e && strcmp(e->fts_name, "slow") == 0)
		nanosleep(&(struct timespec){ .tv_sec = 3 }, NULL);
	return e;
}
