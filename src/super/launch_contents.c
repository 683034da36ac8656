/* launch_contents.c - which file a container has for a config or secret (state/contents.h): the one that the model names, so that what is
 * written there is seen; or, for one whose files are pinned (unit_rec.pinned), a copy of what was in it, where it is something else by now.
 *
 * Which files are bound in, with their digests, stands in launch.json ("contents": [{"file", "digest", "bound"}]). So a container that comes back
 * is given what it had, whatever the model in force says at that moment. */
#include "launch_parts.h"

#include <fcntl.h>
#include <string.h>

#include "../state/contents.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"

/* The copy's path, when it is to be taken; malloc'ed. */
static char *kept_instead(struct making *c, const char *digest, const char *file)
{
	auto_free char *kept = c->u->rec.pinned ? contents_instead(c->s->p.state_fd, digest, file) : NULL;

	c->pinned |= kept != NULL;
	return kept ? xasprintf("%s/%s", c->s->p.state, kept) : NULL;
}

const char *making_file(struct making *c, const struct file_object *o)
{
	const char *kept = kept_instead(c, o->digest, o->file);

	if (!kept)
		contents_keep(c->s->p.state_fd, o->digest, o->file);
	return kept ? kept : o->file;
}

void making_note_file(struct making *c, const struct file_object *o, const char *bound)
{
	if (!o->digest)
		return;
	if (!c->contents)
		c->contents = json_array();
	json_array_append_new(c->contents, json_pack("{s:s,s:s,s:s}", "file", o->file, "digest", o->digest, "bound", bound));
}

/* One of them, which may be bound in in another way from now on; *ret: it is. */
static int bind_anew(struct making *c, json_t *entry, bool *ret, struct err *err)
{
	const char *file = jx_str(entry, "file"), *bound = jx_str(entry, "bound"), *now;

	if (!file || !bound)
		return 0;
	now = kept_instead(c, jx_str(entry, "digest"), file);
	if (!now)
		now = file;
	if (STREQ(now, bound))
		return 0;
	if (oci_bundle_rebind(c->bundle_fd, bound, now, err) < 0)
		return err_wrap(err, "'%s'", file);
	json_object_set_new(entry, "bound", json_string(now));
	*ret = true;
	return 0;
}

int making_pin(struct making *c, json_t *launch, struct err *err)
{
	const json_t *contents = jx_arr(launch, "contents");
	bool changed = false;
	json_t *entry;
	size_t i;

	if (!c->u->rec.pinned || !contents)
		return 0;
	c->bundle_fd = open(c->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c->dir_fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_array_foreach(contents, i, entry)
		if (bind_anew(c, entry, &changed, err) < 0)
			return -1;
	return changed ? jx_store(c->dir_fd, "launch.json", launch, 0600, 0, err) : 0;
}
