/* Any text as a header field of a registry. */
#include <stdlib.h>

#include "../../src/reg/challenge.h"
#include "../../src/util/auto.h"
#include "../../src/util/clock.h"
#include "fuzz.h"

static void check_challenges(const char *text)
{
	auto_err struct err err = ERR_INIT;
	struct reg_challenges l = { 0 };

	if (reg_challenges_add(&l, text, &err) < 0)
		require(err.kind == ERR_PROTO && l.n == 0);
	for (size_t i = 0; i < l.n; i++) {
		const char *const values[] = { l.v[i].realm, l.v[i].service, l.v[i].scope, l.v[i].error };

		for (size_t k = 0; k < ARRAY_LEN(values); k++)
			require(!values[k] || !strpbrk(values[k], "\r\n"));
	}
	reg_challenges_done(&l);
}

static void check_range(const char *text)
{
	struct reg_range r;

	if (reg_content_range(text, &r) < 0)
		return;
	require(r.given || r.total_given);
	require(!r.given || (r.first <= r.last && (!r.total_given || r.last < r.total)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *text = fuzz_text(a, data, size);
	auto_free char *next = reg_link_next(text);
	int64_t ms;

	require(!next || !strchr(next, '>'));
	check_challenges(text);
	check_range(text);
	if (reg_retry_after_ms(text, 784111777 * SEC_NS, &ms) == 0)
		require(ms >= 0 && ms <= REG_RETRY_MAX_MS);
	arena_free(a);
	return 0;
}
