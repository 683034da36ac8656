#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../super/svc_check.h"
#include "image_need.h"
#include "up.h"

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

struct checking {
	const struct project *p;
	const struct service *s;
	struct diag *found;
};

static void on_wrong(void *arg, const char *where, bool is_key, struct err *why)
{
	const struct checking *k = arg;
	const struct place at = place_of(k->p, k->s, where, is_key);

	place_say(k->found, DIAG_ERROR, &at, k->s, why);
}

int precheck(struct cli *c, const bool *scope, const struct image_needs *needs)
{
	const struct project *p = c->project;
	struct diag found = DIAG_INIT;

	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (!scope[i])
			continue;
		image_needs_check(needs, s, &found);
		svc_check(p, s, on_wrong, &(struct checking){ p, s, &found });
		check_mounts(s, &found);
		check_refs(s, "config", s->configs, s->n_configs, p->configs, p->n_configs, &found);
		check_refs(s, "secret", s->secrets, s->n_secrets, p->secrets, p->n_secrets, &found);
	}
	return place_print(c, &found);
}
