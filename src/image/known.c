/* known.c - layers that an image to be has in common with those in the store. */
#include <fcntl.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "image.h"
#include "store.h"

static bool have(const struct image_store *s, const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	return faccessat(s->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whether the store has layer i of an image: unpacked, and as the blob that the image's manifest names. */
static bool has_layer(const struct image_store *s, const json_t *layers, const struct strs *chains, size_t i)
{
	const char *digest = jx_str(json_array_get(layers, i), "digest"), *hex = digest ? digest_hex(digest) : NULL;

	return hex && have(s, "layers", chains->v[i]) && have(s, "blobs/sha256", hex);
}

static void compare(const struct image_store *s, const json_t *desc, const struct strs *want, json_t **best)
{
	auto_json json_t *manifest = NULL, *config = NULL;
	auto_strs struct strs chains = STRS_INIT;
	const char *digest = jx_str(desc, "digest"), *id;
	const json_t *layers;
	size_t n = 0;

	if (!digest || store_doc(s, digest, &manifest, NULL) < 0 || !(id = jx_str(jx_obj(manifest, "config"), "digest")) ||
		store_doc(s, id, &config, NULL) < 0 || chain_ids(config, &chains, NULL) < 0)
		return;
	layers = jx_arr(manifest, "layers");
	if (json_array_size(layers) != chains.n)
		return;
	while (n < want->n && n < chains.n && STREQ(want->v[n], chains.v[n]) && has_layer(s, layers, &chains, n))
		n++;
	if (n <= json_array_size(*best))
		return;
	json_array_clear(*best);
	for (size_t i = 0; i < n; i++)
		json_array_append(*best, json_array_get(layers, i));
}

int image_known_layers(struct image_store *s, const json_t *config, json_t **ret, struct err *err)
{
	auto_json json_t *index = NULL, *best = json_array();
	auto_strs struct strs want = STRS_INIT;
	const json_t *desc;
	size_t i;

	if (chain_ids(config, &want, err) < 0 || store_index(s, &index, err) < 0)
		return -1;
	json_array_foreach(jx_arr(index, "manifests"), i, desc) {
		if (json_array_size(best) == want.n)
			break;
		compare(s, desc, &want, &best);
	}
	*ret = json_incref(best);
	return 0;
}
