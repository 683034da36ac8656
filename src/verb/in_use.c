#include "in_use.h"

#include "../../compose/project.h"
#include "../image/image.h"
#include "../state/dirs.h"
#include "../state/journal.h"
#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"

enum { MODEL_MAX = 64 << 20 };

static void add(struct pack_uses *l, const char *project, char *what, const char *image_id, const char *name, bool container)
{
	*XGROW(l->v, l->n, l->cap) = (struct pack_use){ xstrdup(project), what, xstrdup(image_id), ref_normal(name), container };
}

/* Also one that is only being prepared: its record is there before its image is looked for. */
static int add_containers(const struct pdirs *p, struct pack_uses *l, struct err *err)
{
	struct world w = { 0 };

	if (world_load(p->state_fd, &w, err) < 0)
		return -1;
	map_each(&w.units, it) {
		const struct unit_rec *u = it->value;

		if (u->image_id || (u->id && u->image))
			add(l, p->name, xasprintf("container '%s'", u->name ? u->name : u->slot), u->image_id, u->image, true);
		if (u->parked)           /* it may have to come back */
			add(l, p->name, xasprintf("container '%s'", u->slot), u->parked->image_id, u->parked->image, true);
	}
	world_done(&w);
	return 0;
}

static void add_service(const struct project *m, const struct service *s, struct pack_uses *l)
{
	auto_free char *built = xasprintf("%s-%s", m->name, s->name);

	if (s->image || s->build.given)
		add(l, m->name, xasprintf("service '%s'", s->name), NULL, s->image ? s->image : built, false);
	for (size_t i = 0; i < s->n_pre_start; i++)
		if (s->pre_start[i].image)
			add(l, m->name, xasprintf("service '%s'", s->name), NULL, s->pre_start[i].image, false);
}

/* What the file of the last `up` named: a container that is made anew needs it again. */
static int add_model(const struct pdirs *p, struct pack_uses *l, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	auto_err struct err why = ERR_INIT;
	struct project *m = NULL;

	if (path_read(p->state_fd, "model.json", MODEL_MAX, &text, &why) < 0)
		return why.errnum == ENOENT ? 0 : err_move(err, &why);
	if (project_from_wire(text.p ? text.p : "", text.len, &m, err) < 0)
		return err_wrap(err, "its model");
	for (size_t i = 0; i < m->n_services; i++)
		add_service(m, &m->services[i], l);
	project_free(m);
	return 0;
}

static int add_project(const struct dirs *d, const char *name, struct pack_uses *l, struct err *err)
{
	struct pdirs p = { .state_fd = -1, .run_fd = -1 };
	int r = pdirs_open(d, name, false, &p, err);

	if (r == 0 && p.state_fd >= 0 && (add_containers(&p, l, err) < 0 || add_model(&p, l, err) < 0))
		r = -1;
	pdirs_done(&p);
	return r < 0 ? err_wrap(err, "images that project '%s' uses", name) : 0;
}

int in_use(void *arg, struct pack_uses *ret, struct err *err)
{
	struct dirs d = { 0 };
	char **names = NULL;
	int r;

	if (dirs_init(arg, NULL, &d, err) < 0)
		return -1;
	r = dirs_projects(&d, &names, err);
	for (char **p = names; p && *p; p++) {
		if (r >= 0)
			r = add_project(&d, *p, ret, err);
		free(*p);
	}
	free(names);
	dirs_done(&d);
	return r < 0 ? -1 : 0;
}
