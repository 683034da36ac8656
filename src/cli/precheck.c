#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../compose/node.h"
#include "../image/image.h"
#include "../super/svc_check.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "up.h"

static void check_image(const struct service *s, struct image_store *store, struct diag *found)
{
	auto_err struct err err = ERR_INIT;
	struct image *img = NULL;
	struct pos pos = s->image_pos.file ? s->image_pos : s->build.given ? s->build.pos : s->pos;

	if (image_find(store, s->image ? s->image : s->name, s->platform, &img, &err) == 0) {
		image_free(img);
		return;
	}
	diag_error(found, pos, "service '%s': %s", s->name, err_msg(&err));
	if (s->build.given)
		diag_hint(found, "'davit build %s' builds it, as does 'davit up' without --no-build", s->name);
	else if (err.hint)
		diag_hint(found, "%s", err.hint);
}

static void check_mounts(const struct service *s, struct diag *found)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct mount *m = &s->mounts[i];
		struct stat st;

		if (m->type != MOUNT_BIND || m->create_host_path || !m->source || stat(m->source, &st) == 0)
			continue;
		diag_error(found, m->pos, "service '%s': bind source '%s': %s", s->name, m->source,
			   strerror(errno));
		if (errno == ENOENT)
			diag_hint(found, "make it, or let davit with 'bind: {create_host_path: true}'");
	}
}

/* The file behind a config or secret that a service uses. */
static void check_refs(const struct service *s, const char *what, const struct file_ref *refs, size_t n_refs,
		       const struct file_object *objects, size_t n_objects, struct diag *found)
{
	for (size_t i = 0; i < n_refs; i++) {
		for (size_t j = 0; j < n_objects; j++) {
			const struct file_object *o = &objects[j];

			if (!str_eq(refs[i].source, o->key) || !o->file || access(o->file, R_OK) == 0)
				continue;
			diag_error(found, o->pos, "%s '%s' of service '%s': file '%s': %s", what, o->key,
				   s->name, o->file, strerror(errno));
		}
	}
}

struct place {
	struct pos pos;
	unsigned span;
	const char *origin;
};

static const struct node *item_of(const struct node *seq, const char *word)
{
	unsigned i;

	return seq->kind == NODE_SEQ && str_uint(word, 0, UINT_MAX, &i) == 0 && i < seq->n ? seq->items[i] : NULL;
}

/* The user's text at `where` of a service, as deep as the path leads: what he did not write has no place. */
static struct place place_of(const struct project *p, const struct service *s, const char *where, bool is_key)
{
	const struct node *services = node_get(p->root, "services"), *n = services ? node_get(services, s->name) : NULL;
	struct place at = { .pos = s->pos };

	for (const char *w = where; n && *w; w += strcspn(w, "/"), w += *w == '/') {
		auto_free char *word = xstrndup(w, strcspn(w, "/"));
		const struct node_pair *pair = node_pair_get(n, word);

		if (pair && is_key && !w[strlen(word)])
			return (struct place){ pair->key_pos, (unsigned)strlen(word), NULL };
		n = pair ? pair->value : item_of(n, word);
		if (n && n->pos.file)
			at = (struct place){ n->pos, n->span, n->origin };
	}
	return at;
}

struct checking {
	const struct project *p;
	const struct service *s;
	struct diag *found;
};

static void on_wrong(void *arg, const char *where, bool is_key, struct err *why)
{
	const struct checking *k = arg;
	struct place at = place_of(k->p, k->s, where, is_key);

	diag_error(k->found, at.pos, "service '%s': %s", k->s->name, err_msg(why));
	diag_where(k->found, NULL, at.origin, at.span);
	if (why->hint)
		diag_hint(k->found, "%s", why->hint);
}

static void print(struct cli *c, struct diag *found)
{
	auto_buf struct buf b = BUF_INIT;
	struct diag shown;

	diag_sort(found);
	shown = *found;
	shown.sources = c->diag.sources; /* borrowed: the text of the files is there */
	shown.n_sources = c->diag.n_sources;
	ui_diag_format(&shown, c->ui.colour_err, &b);
	ui_stderr(&b);
}

int precheck(struct cli *c, const bool *scope, const bool *built, struct err *err)
{
	const struct project *p = c->project;
	struct image_store *store = NULL;
	struct diag found = DIAG_INIT;
	bool failed;

	if (image_store_open(c->dirs.state, &store, err) < 0)
		return -1;
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (!scope[i])
			continue;
		if (!built[i])
			check_image(s, store, &found);
		svc_check(p, s, on_wrong, &(struct checking){ p, s, &found });
		check_mounts(s, &found);
		check_refs(s, "config", s->configs, s->n_configs, p->configs, p->n_configs, &found);
		check_refs(s, "secret", s->secrets, s->n_secrets, p->secrets, p->n_secrets, &found);
	}
	image_store_close(store);
	failed = diag_failed(&found);
	if (found.n)
		print(c, &found);
	diag_done(&found);
	return failed ? CLI_PRINTED : 0;
}
