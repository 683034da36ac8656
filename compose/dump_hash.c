/* dump_hash.c - the hash by which docker compose knows whether a service has changed: SHA-256 of its JSON on
 * one line, without what may change freely. It is what `config --hash` prints and what the label of a container says, for scripts that compare
 * the two; davit itself goes by project_hash(), which knows more. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/buf.h"
#include "../src/util/hash.h"
#include "../src/util/mem.h"
#include "../src/util/str.h"
#include "attr.h"
#include "dump.h"
#include "node.h"
#include "project.h"
#include "tree.h"

/* An env file that must be there is but its path. */
static void shorten_env_files(struct arena *a, struct node *service)
{
	struct node *files = node_get(service, "env_file");

	for (size_t i = 0; files && files->kind == NODE_SEQ && i < files->n; i++) {
		struct node *item = files->items[i], *path = node_get(item, "path"),
			    *required = node_get(item, "required");
		struct node *format = node_get(item, "format"), *out;

		if (!path || !required || required->kind != NODE_BOOL)
			continue;
		if (required->b) {
			files->items[i] = path;
			continue;
		}
		out = node_new(a, NODE_MAP, item->pos);
		node_add(a, out, "path", item->pos, path);
		node_add(a, out, "required", item->pos, required);
		if (format)
			node_add(a, out, "format", item->pos, format);
		files->items[i] = out;
	}
}

char *project_service_digest(const struct project *p, const char *service)
{
	static const char *const ignored[] = { "build", "pull_policy", "scale", "depends_on", "profiles" };
	const struct node *n = node_get(tree_map(p->root, "services"), service);
	struct arena *a = arena_new();
	char hex[HASH_HEX_LEN + 1];
	struct buf text = BUF_INIT;
	struct node *shown, *deploy;

	shown = dump_value(a, &attr_service, n);
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		node_remove(shown, ignored[i]);
	deploy = tree_map(shown, "deploy");
	if (deploy)
		node_remove(deploy, "replicas");
	shorten_env_files(a, shown);
	dump_json(&text, a, shown, -1);
	hash_sha256_hex(text.p, text.len, hex);
	buf_done(&text);
	arena_free(a);
	return xstrdup(hex);
}
