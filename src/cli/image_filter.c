#include <string.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "image_cmds.h"
#include "when.h"

static int created_of(struct image_store *store, const char *name, int64_t *ret_ns, struct err *err)
{
	struct image *img = NULL;

	if (image_look(store, name, NULL, &img, err) < 0)
		return -1;
	*ret_ns = clock_parse(img->created);
	image_free(img);
	return 0;
}

static int parse_dangling(const char *value, struct image_filter *f, struct err *err)
{
	bool no = STREQ(value, "false") || STREQ(value, "0");

	if (!no && !STREQ(value, "true") && !STREQ(value, "1"))
		return err_set(err, ERR_USAGE, "invalid filter 'dangling=%s': it is true or false", value);
	f->names = no ? FILTER_NAMED : FILTER_DANGLING;
	return 0;
}

static int parse_one(struct image_store *store, const char *key, const char *value, struct image_filter *f, struct err *err)
{
	if (STREQ(key, "dangling"))
		return parse_dangling(value, f, err);
	if (STREQ(key, "until"))
		return when_parse("--filter until", value, clock_wall_ns(), &f->before_ns, err);
	if (STREQ(key, "before"))
		return created_of(store, value, &f->before_ns, err);
	if (STREQ(key, "since"))
		return created_of(store, value, &f->since_ns, err);
	strs_add(STREQ(key, "label") ? &f->labels : STREQ(key, "label!") ? &f->not_labels : &f->references, value);
	return 0;
}

static int parse_all(struct image_store *store, const struct strs *texts, const char *const *keys, struct image_filter *f, struct err *err)
{
	for (size_t i = 0; i < texts->n; i++) {
		const char *text = texts->v[i], *eq = strchr(text, '='), *near;
		auto_free char *key = xstrndup(text, eq ? (size_t)(eq - text) : strlen(text));
		const char *const *k = keys;

		while (*k && !STREQ(*k, key))
			k++;
		if (!eq)
			return err_set(err, ERR_USAGE, "invalid filter '%s': it has the form KEY=VALUE", text);
		if (!*k) {
			near = str_nearest(key, keys);
			err_set(err, ERR_USAGE, "invalid filter '%s'", text);
			return near ? err_hint(err, "did you mean '%s'?", near) : -1;
		}
		if (parse_one(store, key, eq + 1, f, err) < 0)
			return -1;
	}
	return 0;
}

int image_filter_parse(struct cli *c, const struct strs *texts, const char *const *keys, struct image_filter *ret, struct err *err)
{
	struct image_store *store = NULL;
	int r;

	*ret = (struct image_filter){ 0 };
	if (image_store_open(c->dirs.state, &store, err) < 0)
		return -1;
	r = parse_all(store, texts, keys, ret, err);
	image_store_close(store);
	return r;
}
