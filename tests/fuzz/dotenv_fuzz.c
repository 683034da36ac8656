/* Any bytes as a file of variables, both formats: refused with reasons, or variables that can be written down and read again. */
#include <stdint.h>
#include <string.h>

#include "../../compose/diag.h"
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

static void write_down(const struct env *env, struct buf *out)
{
	map_each (&env->vars, it) {
		const struct env_var *v = it->value;

		buf_printf(out, "%s=\"", v->name);
		for (const char *p = v->value; *p; p++) {
			if (strchr("\"\\$", *p))
				buf_char(out, '\\');
			buf_char(out, *p);
		}
		buf_str(out, "\"\n");
	}
}

static void check_again(struct arena *a, const struct env *env)
{
	struct buf text = BUF_INIT;
	struct diag d = DIAG_INIT;
	struct env again;

	write_down(env, &text);
	env_init(&again, a);
	require(text.len == 0 || env_parse(&again, NULL, &d, "again", text.p, text.len, false) == 0);
	map_each (&env->vars, it)
		require(strcmp(env_value(&again, it->key), ((const struct env_var *)it->value)->value) == 0);
	env_done(&again);
	diag_done(&d);
	buf_done(&text);
}

static void check_format(const char *text, size_t size, bool raw)
{
	static const char *const outside[] = { "OUT=side", "EMPTY=", NULL };
	struct arena *a = arena_new();
	struct diag d = DIAG_INIT;
	struct env env, lookup;
	int r;

	env_init(&env, a);
	env_init(&lookup, a);
	env_put_list(&lookup, outside, false);
	r = env_parse(&env, &lookup, &d, "fuzz.env", text, size, raw);
	require((r < 0) == diag_failed(&d));
	for (size_t i = 0; i < d.n; i++)
		require(strcmp(d.items[i].pos.file, "fuzz.env") == 0);
	map_each (&env.vars, it) {
		const struct env_var *v = it->value;

		require(v->value && (!v->pos.file || v->pos.line > 0));
	}
	if (!raw)
		check_again(a, &env);
	env_done(&env);
	env_done(&lookup);
	diag_done(&d);
	arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_format((const char *)data, size, false);
	check_format((const char *)data, size, true);
	return 0;
}
