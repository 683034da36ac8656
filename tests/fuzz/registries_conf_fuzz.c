/* Any text as registries.conf: refused with its place, or read; what was read says the same when it is written down and read again, and
 * knows at least one place for every image that it does not block. */
#include <stdio.h>
#include <stdlib.h>

#include "../../src/reg/conf.h"
#include "../../src/reg/toml.h"
#include "../../src/util/auto.h"
#include "../../src/util/buf.h"
#include "fuzz.h"

enum { DEEP = TOML_DEPTH_MAX / 2 };

static int depth_of(const struct toml *v)
{
	int deepest = 0;

	if (v->kind == TOML_ARRAY || v->kind == TOML_TABLE)
		toml_each(v, it) {
			int d = depth_of(it);

			deepest = d > deepest ? d : deepest;
		}
	return deepest + 1;
}

static void write_value(struct buf *b, const struct toml *v);

static void write_pairs(struct buf *b, const struct toml *table, const char *sep)
{
	toml_each(table, it) {
		buf_json(b, it->key);
		buf_str(b, " = ");
		write_value(b, it);
		if (it->next || *sep == '\n')
			buf_str(b, sep);
	}
}

static void write_value(struct buf *b, const struct toml *v)
{
	switch (v->kind) {
	case TOML_STRING:
		buf_json(b, v->text);
		break;
	case TOML_INTEGER:
		buf_printf(b, "%lld", (long long)v->number);
		break;
	case TOML_BOOLEAN:
		buf_str(b, v->truth ? "true" : "false");
		break;
	case TOML_ARRAY:
		buf_char(b, '[');
		toml_each(v, it) {
			write_value(b, it);
			buf_char(b, ',');
		}
		buf_char(b, ']');
		break;
	case TOML_TABLE:
		buf_char(b, '{');
		write_pairs(b, v, ", ");
		buf_char(b, '}');
		break;
	}
}

static void check_place(const struct err *err)
{
	unsigned line, column;

	require(err->kind == ERR_INPUT);
	require(sscanf(err_msg(err), "f:%u:%u: ", &line, &column) == 2 && line > 0 && column > 0);
}

static void check_again(struct arena *a, const struct toml_doc *d)
{
	auto_buf struct buf once = BUF_INIT, twice = BUF_INIT;
	struct toml_doc again;

	if (depth_of(d->root) > DEEP)
		return;
	write_pairs(&once, d->root, "\n");
	if (once.len > TOML_MAX)
		return;
	require(toml_parse(a, "f", once.p ? once.p : "", once.len, &again, NULL) == 0);
	write_pairs(&twice, again.root, "\n");
	require(once.len == twice.len && (once.len == 0 || memcmp(once.p, twice.p, once.len) == 0));
}

static void check_places(const struct reg_conf *c, const char *name)
{
	auto_err struct err err = ERR_INIT;
	struct reg_places l = { 0 };
	struct image_ref ref;

	require(ref_parse(name, &ref, NULL) == 0);
	if (reg_conf_places(c, &ref, 0, &l, &err) < 0) {
		require(err.kind == ERR_INPUT || err.kind == ERR_PERM);
	} else {
		require(l.n > 0 && !l.v[l.n - 1].mirror);
		for (size_t i = 0; i < l.n; i++)
			require(*l.v[i].host && *l.v[i].ref.repository && !strchr(l.v[i].host, '/'));
	}
	reg_places_done(&l);
	ref_done(&ref);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "redis", "a.io/b/c:1", "x.a.io:5000/b" };
	struct reg_conf c = { .arena = arena_new() };
	auto_err struct err err = ERR_INIT, why = ERR_INIT;
	struct toml_doc d;

	if (toml_parse(c.arena, "f", (const char *)data, size, &d, &err) < 0)
		check_place(&err);
	else
		check_again(c.arena, &d);
	if (conf_file(&c, "f", (const char *)data, size, false, &c.tables, &why) < 0)
		check_place(&why);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		check_places(&c, names[i]);
	free(c.tables.v);
	strs_done(&c.warnings);
	arena_free(c.arena);
	return 0;
}
