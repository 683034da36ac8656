/* lower_hash.c - what requires a new container when it changes, as one number. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/hash.h"
#include "../src/util/str.h"
#include "definition.h"
#include "dump.h"
#include "model.h"
#include "tree.h"

static void add_files(struct buf *text, const char *sort, const struct file_object *list, size_t n,
	const struct file_ref *refs, size_t n_refs)
{
	for (size_t i = 0; i < n_refs; i++)
		for (size_t k = 0; k < n; k++) {
			const struct file_object *o = &list[k];

			if (!refs[i].source || !STREQ(o->key, refs[i].source))
				continue;
			buf_printf(text, "\n%s %s ", sort, o->name);
			buf_json(text, o->file ? o->file : "");
			buf_json(text, o->content ? o->content : "");
		}
}

static void add_digests(struct buf *text, const char *sort, const struct file_object *list, size_t n, const struct file_ref *refs,
	size_t n_refs)
{
	for (size_t i = 0; i < n_refs; i++)
		for (size_t k = 0; k < n; k++)
			if (str_eq(list[k].key, refs[i].source) && list[k].digest)
				buf_printf(text, "%s %s %s\n", sort, list[k].key, list[k].digest);
}

/* ".HEX" of what is in the files that the service uses; "" when nothing is known of any. */
static void add_contents(struct buf *hash, const struct project *p, const struct service *svc)
{
	auto_buf struct buf text = BUF_INIT;
	char hex[HASH_HEX_LEN + 1];

	add_digests(&text, "config", p->configs, p->n_configs, svc->configs, svc->n_configs);
	add_digests(&text, "secret", p->secrets, p->n_secrets, svc->secrets, svc->n_secrets);
	if (!text.len)
		return;
	hash_sha256_hex(text.p, text.len, hex);
	buf_printf(hash, ".%s", hex);
}

bool config_same(const char *a, const char *b)
{
	size_t n = a ? strcspn(a, ".") : 0;

	if (!a || !b)
		return a == b;
	if (n != strcspn(b, ".") || strncmp(a, b, n) != 0)
		return false;
	return !a[n] || !b[n] || STREQ(a + n, b + n);
}

bool config_lacks_contents(const char *hash, const char *other)
{
	return hash && other && config_same(hash, other) && !strchr(hash, '.') && strchr(other, '.');
}

/* Left out where nothing is said, so that containers made before it was known stay as they are. */
static void add_x_davit(struct buf *text, const struct service *svc)
{
	const struct probe *p = &svc->probe;

	if (p->kind != PROBE_NONE)
		buf_printf(text, "\nprobe %d %u %u-%u %s %s", (int)p->kind, p->port, p->status_min, p->status_max,
			p->path ? p->path : "", p->host ? p->host : "");
	if (svc->on_unhealthy != UNHEALTHY_NONE)
		buf_printf(text, "\non_unhealthy %d", (int)svc->on_unhealthy);
}

static char *hash_of(
	const struct project *p, struct arena *a, const struct service *svc, const struct node *n)
{
	struct node *shown = definition_of_container(a, n);
	char hex[HASH_HEX_LEN + 1], *ret;
	struct buf text = BUF_INIT;

	dump_json(&text, a, shown, 0);
	add_files(&text, "config", p->configs, p->n_configs, svc->configs, svc->n_configs);
	add_files(&text, "secret", p->secrets, p->n_secrets, svc->secrets, svc->n_secrets);
	for (size_t i = 0; i < svc->n_networks; i++) {
		const struct network *net = project_network(p, svc->networks[i].network);

		buf_printf(&text, "\nnetwork %s", net ? net->name : svc->networks[i].network);
	}
	for (size_t i = 0; i < svc->n_mounts; i++) {
		const struct volume *v = svc->mounts[i].type == MOUNT_VOLUME && svc->mounts[i].source
						 ? project_volume(p, svc->mounts[i].source)
						 : NULL;

		if (v)
			buf_printf(&text, "\nvolume %s", v->name);
	}
	add_x_davit(&text, svc);
	hash_sha256_hex(text.p, text.len, hex);
	text.len = 0;
	buf_str(&text, hex);
	add_contents(&text, p, svc);
	ret = arena_strdup(p->arena, text.p);
	buf_done(&text);
	return ret;
}

static void hash_list(const struct project *p, struct service *list, size_t n, const struct node *map)
{
	for (size_t i = 0; i < n && !list[i].config_hash; i++) {
		struct arena *a = arena_new();

		list[i].config_hash = hash_of(p, a, &list[i], node_get(map, list[i].name));
		arena_free(a);
	}
}

void project_hash(struct project *p)
{
	hash_list(p, p->services, p->n_services, tree_map(p->root, "services"));
	hash_list(p, p->disabled, p->n_disabled, p->disabled_root);
}
