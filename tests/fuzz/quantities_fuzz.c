/* Any text as a size, a duration, permissions and a number: refused, or a value that its printed form gives back. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../compose/val.h"
#include "../../src/util/str.h"
#include "fuzz.h"

static void check_duration(const char *text)
{
	int64_t ns, again;
	char shown[32];

	if (str_duration_ns(text, &ns) < 0)
		return;
	str_duration_format(ns, shown);
	require(str_duration_ns(shown, &again) == 0 && again == ns);
}

static void check_mode(const char *text)
{
	int64_t mode, again;
	char shown[32];

	if (val_mode(text, &mode) < 0)
		return;
	snprintf(shown, sizeof shown, "0%llo", (unsigned long long)mode);
	require(mode >= 0 && val_mode(shown, &again) == 0 && again == mode);
}

static void check_number(struct arena *a, const char *text)
{
	double v, again;

	if (str_f64(text, &v) < 0)
		return;
	require(isfinite(v));
	require(str_f64(val_float_text(a, v), &again) == 0 && again == v);
	require(str_f64(val_float_json(a, v), &again) == 0 && again == v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *text = fuzz_text(a, data, size);
	int64_t bytes;

	check_duration(text);
	check_mode(text);
	check_number(a, text);
	require(str_size(text, &bytes) < 0 || bytes >= 0);
	arena_free(a);
	return 0;
}
