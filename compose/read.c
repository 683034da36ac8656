/* read.c - files → one canonical tree: load, interpolate, make canonical, extends, include, merge, document
 * by document. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/path.h"
#include "../src/util/str.h"
#include "diag.h"
#include "env.h"
#include "front.h"
#include "interp.h"
#include "load.h"
#include "near.h"
#include "tree.h"

const char *front_shown(const struct front *f, const char *path)
{
	size_t n = strlen(f->cwd);

	if (STREQ(path, "-"))
		return "<stdin>";
	if (strncmp(path, f->cwd, n) == 0 && path[n] == '/')
		return path + n + 1;
	return path;
}

void front_hint_file(const struct front *f, const char *path)
{
	const char *near = near_file(f->s->a, path);

	if (near)
		diag_hint(f->s->d, "did you mean '%s'?", front_shown(f, near));
}

const char *front_path(const struct front *f, const char *name)
{
	auto_free char *abs = path_join(f->dir, name);

	return arena_strdup(f->s->a, abs);
}

/* What could have been read is missing from here on. */
static struct node *incomplete(struct front *f, struct node *base, struct pos pos)
{
	if (!base)
		base = node_new(f->s->a, NODE_MAP, pos);
	base->wrong = true;
	return base;
}

int read_docs(struct front *f, const char *path, const struct node *named, struct node ***ret, size_t *ret_n)
{
	const char *shown = front_shown(f, path);
	struct stage_ctx *s = f->s;

	if (access(path, F_OK) < 0) {
		diag_error(s->d, named->pos, "cannot open '%s': %s", shown, strerror(errno));
		diag_where(s->d, NULL, named->origin, named->span);
		front_hint_file(f, path);
		return -1;
	}
	if (load_file(s->a, s->d, path, shown, ret, ret_n) < 0)
		diag_note(s->d, named->pos, "'%s' is named here", shown);
	return 0;
}

int read_raw(struct front *f, struct node *doc, struct merge_tags *ret)
{
	if (doc->kind != NODE_MAP) {
		diag_error(
			f->s->d, doc->pos, "a compose file is a mapping, not a %s", node_kind_str(doc->kind));
		return -1;
	}
	if (!f->s->no_interpolate)
		interp_tree(f->s->a, f->s->d, doc, f->env, &f->totals->expanded);
	merge_take_tags(f->s->a, doc, ret);
	return 0;
}

struct node *read_document(struct front *f, const char *path, struct node *base, struct node *doc)
{
	struct stage_ctx *s = f->s;
	struct merge_tags tags = { 0 };

	if (read_raw(f, doc, &tags) < 0)
		return incomplete(f, base, doc->pos);
	doc = canon_tree(s, doc);
	extend_services(f, doc, &tags, path);
	include_files(f, doc);
	merge_apply_tags(base, &tags, 0);
	base = merge_trees(s, base, doc);
	if (s->no_interpolate)
		tree_each(tree_map(base, "services"), p)
			canon_open_ports(s, p->value);
	complete_tree(s, base);
	return base;
}

int read_file(struct front *f, const char *path, const struct node *named, struct node *base,
	struct node **ret_root)
{
	struct node **docs;
	size_t n;

	*ret_root = base;
	if (read_docs(f, path, named, &docs, &n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		*ret_root = read_document(f, path, *ret_root, docs[i]);
	return 0;
}
