#include "change.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

/* The disk may have much to do: what is written under the lock, while others wait, shall not have to wait for that, too. */
static void settle(const struct stage *s)
{
	auto_close int fd = openat(s->images_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		log_warn("write '%s' to disk: %s", s->images_path, strerror(errno));
}

int change_lock(const char *state_dir, bool look, struct change *ret, struct err *err)
{
	struct change c = { .lock_fd = -1, .gone_fd = -1 };

	if ((look ? stage_look : stage_store)(state_dir, &c.stage, err) < 0)
		return -1;
	if (!c.stage.readonly)
		settle(&c.stage);
	c.store = (struct image_store){ c.stage.images_path, c.stage.images_fd };
	if (stage_lock(&c.stage, &c.lock_fd, err) < 0) {
		change_end(&c);
		return -1;
	}
	*ret = c;
	return 0;
}

static int begin(const char *state_dir, bool look, struct change *ret, struct err *err)
{
	struct change c;

	if (change_lock(state_dir, look, &c, err) < 0)
		return -1;
	if (store_index(&c.store, &c.index, err) < 0) {
		change_end(&c);
		return -1;
	}
	*ret = c;
	return 0;
}

int change_begin(const char *state_dir, struct change *ret, struct err *err)
{
	return begin(state_dir, false, ret, err);
}

int change_look(const char *state_dir, struct change *ret, struct err *err)
{
	return begin(state_dir, true, ret, err);
}

int change_write(struct change *c, struct err *err)
{
	return jx_store(c->stage.images_fd, "index.json", c->index, 0644, PATH_SYNC, err);
}

int change_away(struct change *c, const char *dir, const char *name, struct err *err)
{
	auto_free char *from = xasprintf("%s/%s", dir, name), *to = xasprintf("%c-%s", *dir, name);

	if (c->gone_fd < 0 && stage_gone(&c->stage, c->gone, &c->gone_fd, err) < 0)
		return -1;
	if (renameat(c->stage.images_fd, from, c->gone_fd, to) < 0 && errno != ENOENT)
		return err_sys(err, errno, "take '%s' out of the image store '%s'", from, c->stage.images_path);
	return 0;
}

int change_back(struct change *c, const char *dir, const char *name, struct err *err)
{
	auto_free char *to = xasprintf("%s/%s", dir, name), *from = xasprintf("%c-%s", *dir, name);

	if (renameat2(c->gone_fd, from, c->stage.images_fd, to, RENAME_NOREPLACE) < 0 && errno != ENOENT)
		return err_sys(err, errno, "put '%s' back into the image store '%s'", to, c->stage.images_path);
	return 0;
}

/* The renames are on the disk before the first file below is removed: no disk's order of writing makes half a layer of it. */
static void remove_gone(struct change *c)
{
	static const char *const dirs[] = { "layers", "blobs/sha256" };
	auto_err struct err why = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		auto_close int fd = openat(c->stage.images_fd, dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || fsync(fd) < 0)
			log_warn("write '%s/%s' to disk: %s", c->stage.images_path, dirs[i], strerror(errno));
	}
	if (path_remove_tree(c->stage.images_fd, c->gone, &why) < 0)
		log_warn("%s", err_msg(&why));
	close(take_fd(&c->gone_fd));
}

void change_end(struct change *c)
{
	if (c->lock_fd >= 0)
		close(take_fd(&c->lock_fd));
	if (c->gone_fd >= 0)
		remove_gone(c);
	json_decref(c->index);
	c->index = NULL;
	stage_close(&c->stage);
}

/* ------------------------------------------------------------------ entries */

static char *id_of(const struct change *c, const json_t *desc)
{
	auto_json json_t *manifest = NULL;
	const char *id;

	if (store_doc(&c->store, jx_str(desc, "digest"), &manifest, NULL) < 0)
		return NULL;
	id = jx_str(jx_obj(manifest, "config"), "digest");
	return id && digest_hex(id) ? xstrdup(id) : NULL;
}

void entries_read(const struct change *c, struct entries *ret)
{
	json_t *list = jx_arr(c->index, "manifests"), *desc;
	size_t i;

	*ret = (struct entries){ xcalloc(json_array_size(list) + 1, sizeof *ret->v), json_array_size(list) };
	json_array_foreach(list, i, desc)
		ret->v[i] = (struct entry){ json_incref(desc), desc_ref(desc, NULL), id_of(c, desc), ENTRY_KEPT };
}

static json_t *nameless(const json_t *desc)
{
	json_t *copy = json_deep_copy(desc);

	json_object_del(jx_obj(copy, "annotations"), REF_NAME);
	json_object_del(jx_obj(copy, "annotations"), PULLED_AT);
	return copy;
}

bool descs_have(const json_t *list, const char *digest)
{
	const json_t *desc;
	size_t i;

	json_array_foreach(list, i, desc)
		if (str_eq(jx_str(desc, "digest"), digest))
			return true;
	return false;
}

bool entries_apply(struct change *c, const struct entries *l)
{
	json_t *list = json_array();
	bool changed;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].state == ENTRY_KEPT)
			json_array_append(list, l->v[i].desc);
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].state == ENTRY_NAMELESS && !descs_have(list, jx_str(l->v[i].desc, "digest")))
			json_array_append_new(list, nameless(l->v[i].desc));
	changed = !json_equal(list, jx_arr(c->index, "manifests"));
	if (changed)
		json_object_set(c->index, "manifests", list);
	json_decref(list);
	return changed;
}

void entries_done(struct entries *l)
{
	for (size_t i = 0; i < l->n; i++) {
		json_decref(l->v[i].desc);
		free(l->v[i].ref);
		free(l->v[i].id);
	}
	free(l->v);
	*l = (struct entries){ 0 };
}
