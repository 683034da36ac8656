/* A .dockerignore (until the first NUL) and a path behind it: soon an answer, and what goes with a directory goes with all below it. */
#include <string.h>

#include "../../src/util/auto.h"
#include "../../src/util/mem.h"
#include "../../src/watch/pattern.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size), *path = NULL, *child = NULL;
	size_t n = strlen(text);
	struct patterns l = { 0 };

	if (size > 4096 || n == size)
		return 0;
	path = xstrndup((const char *)data + n + 1, size - n - 1);
	child = xasprintf("%s/child", path);
	patterns_add_file(&l, text);
	if (*path && patterns_match_below(&l, path))
		require(patterns_match(&l, path) && patterns_match(&l, child));
	patterns_done(&l);
	return 0;
}
