/* Any bytes as a text with variables: refused with reasons that have a place in it, or a bounded text. */
#include <stdint.h>
#include <string.h>

#include "../../compose/env.h"
#include "../../compose/interp.h"
#include "../../src/util/arena.h"
#include "../../src/util/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

struct seen {
	const char *text;
	size_t len, problems;
};

static void on_missing(void *arg, const char *name, size_t offset, size_t span)
{
	const struct seen *s = arg;

	require(*name && offset + span <= s->len && s->text[offset] == '$');
}

static void on_problem(void *arg, const struct interp_problem *p)
{
	struct seen *s = arg;

	require(p->msg && p->offset + p->span <= s->len);
	require(p->what == INTERP_LIMIT || s->text[p->offset] == '$');
	s->problems++;
}

static void on_use(void *arg, const struct interp_use *use)
{
	const struct seen *s = arg;

	require(*use->name && strchr("-+?", use->op) && strlen(use->word) < s->len);
}

/* With every '$' doubled a text means itself. */
static void check_escaped(struct arena *a, const struct env *env, const char *text, size_t len)
{
	struct interp_result r;
	struct buf escaped = BUF_INIT;

	for (size_t i = 0; i < len; i++) {
		buf_char(&escaped, text[i]);
		if (text[i] == '$')
			buf_char(&escaped, '$');
	}
	require(interp_text(a, env, escaped.p ? escaped.p : "", escaped.len, NULL, &r) == INTERP_OK);
	require(r.len == len && memcmp(r.text, text, len) == 0);
	buf_done(&escaped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const vars[] = { "A=value", "B=$A}{", "EMPTY=", NULL };
	struct arena *a = arena_new();
	size_t spent = 0;
	struct seen seen = { .text = arena_strndup(a, (const char *)data, size) };
	struct interp_hooks hooks = { .missing = on_missing, .problem = on_problem, .arg = &seen, .spent = &spent };
	struct interp_hooks visit = { .use = on_use, .arg = &seen };
	struct interp_result r;
	struct env env;

	seen.len = strlen(seen.text);
	env_init(&env, a);
	env_put_list(&env, vars, false);
	if (interp_text(a, &env, seen.text, seen.len, &hooks, &r) == INTERP_OK) {
		require(seen.problems == 0 && strlen(r.text) == r.len && spent <= INTERP_MAX_SPENT);
		require(r.changed || (r.len == seen.len && !r.origin));
	} else {
		require(seen.problems > 0);
	}
	interp_text(a, NULL, seen.text, seen.len, &visit, &r);
	check_escaped(a, &env, seen.text, seen.len);
	env_done(&env);
	arena_free(a);
	return 0;
}
