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

const char *front_shown(const struct front *f, const char *path)
{
	size_t n = strlen(f->cwd);

	if (STREQ(path, "-"))
		return "<stdin>";
	if (strncmp(path, f->cwd, n) == 0 && path[n] == '/')
		return path + n + 1;
	return path;
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

struct node *read_document(struct front *f, const char *path, struct node *base, struct node *doc,
	unsigned flags)
{
	struct stage_ctx *s = f->s;
	struct merge_tags tags = { 0 };

	if (doc->kind != NODE_MAP) {
		diag_error(s->d, doc->pos, "a compose file is a mapping, not a %s", node_kind_str(doc->kind));
		return incomplete(f, base, doc->pos);
	}
	if (!s->no_interpolate)
		interp_tree(s->a, s->d, doc, f->env);
	merge_take_tags(s->a, doc, &tags);
	if (base)
		merge_drop_nulls(base, doc);
	extend_drop_nulls(doc);
	doc = canon_tree(s, doc);
	if (!(flags & READ_BASE)) {
		extend_services(f, doc, &tags, path);
		include_files(f, doc);
	}
	merge_apply_tags(base, &tags, 0);
	return merge_trees(s->a, s->d, base, doc);
}

int read_file(struct front *f, const char *path, const struct node *named, struct node *base, unsigned flags,
	struct node **ret_root)
{
	struct stage_ctx *s = f->s;
	const char *shown = front_shown(f, path);
	struct node **docs;
	size_t n;

	*ret_root = base;
	if (access(path, F_OK) < 0) {
		diag_error(s->d, named->pos, "cannot open '%s': %s", shown, strerror(errno));
		diag_where(s->d, NULL, named->origin, named->span);
		return -1;
	}
	if (load_file(s->a, s->d, path, shown, &docs, &n) < 0)
		diag_note(s->d, named->pos, "'%s' is named here", shown);
	for (size_t i = 0; i < n; i++)
		*ret_root = read_document(f, path, *ret_root, docs[i], flags);
	return 0;
}
