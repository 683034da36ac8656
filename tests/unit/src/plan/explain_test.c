/* What a plan means to each container, and why: two models, a world and a request → lines. */
#include "modeled.h"

#include "../../../../src/plan/explain.h"

/* The file as it was, whose services all run (n of each), and as it is. */
static void edit(struct fixture *f, const char *was, const char *is, unsigned n)
{
	f->last = load(f, was);
	f->model = load(f, is);
	for (size_t i = 0; i < f->last->n_services; i++)
		for (unsigned k = 1; k <= n; k++) {
			const struct service *svc = &f->last->services[i];
			struct unit_rec *r = xcalloc(1, sizeof *r);

			r->slot = xasprintf("%s-%u", svc->name, k);
			r->service = xstrdup(svc->name);
			r->index = k;
			r->id = xstrdup("0123456789ab");
			r->name = plan_container_name(f->last, svc, k);
			r->image = xstrdup("x");
			r->image_id = xstrdup("sha256:1111111111111111");
			r->state = xstrdup("running");
			r->config_hash = xstrdup(svc->config_hash);
			map_set(&f->world.units, r->slot, r);
		}
}

static const struct project *made_from(void *ctx, const struct unit_rec *r)
{
	return ((struct fixture *)ctx)->last;
}

static const char *image_id(void *ctx, const struct service *svc)
{
	return ((struct fixture *)ctx)->image_id;
}

static void print(const struct changes *c, struct buf *b)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct change *ch = &c->v[i];

		buf_printf(b, "%s %s %s (%s)%s\n", change_action_str(ch->action), change_resource_str(ch->resource), ch->name,
			   ch->why ? ch->why : "", ch->orphan ? " orphan" : "");
		for (size_t k = 0; k < ch->fields.n; k++)
			buf_printf(b, "  %s %s %s\n", ch->fields.v[k].path, ch->fields.v[k].from ? ch->fields.v[k].from : "-",
				   ch->fields.v[k].note ? ch->fields.v[k].note : ch->fields.v[k].to ? ch->fields.v[k].to : "-");
	}
}

static void changes_are(struct fixture *f, struct plan_request req, const char *want)
{
	const struct explaining e = { .model = f->model, .world = &f->world, .last = f->last, .made_from = made_from, .image_id = image_id, .ctx = f };
	auto_err struct err err = ERR_INIT;
	auto_buf struct buf b = BUF_INIT;
	struct changes changes = { 0 };
	struct plan p = { 0 };

	req.image_id = image_id;
	req.ctx = f;
	if (plan_make(f->model, &f->world, &req, &p, &err) < 0)
		fail_msg("%s", err_msg(&err));
	explain_plan(&e, &p, &changes);
	changes_sort(&changes);
	print(&changes, &b);
	assert_string_equal(b.p ? b.p : "", want);
	changes_done(&changes);
	plan_done(&p);
}

static const struct plan_request up = { .verb = PLAN_UP };

static void a_new_project(void **state)
{
	edit(*state, "services: {}\n", "services:\n  web: {image: x, depends_on: [db]}\n  db: {image: x, container_name: mine, scale: 1}\n", 1);
	changes_are(*state, up, "create container mine (new)\ncreate container p-web-1 (new)\n");
}

static void an_edit(void **state)
{
	edit(*state, "services:\n  web: {image: x, environment: {DEBUG: '0'}, restart: always}\n  db: {image: x}\n  old: {image: x}\n",
	     "services:\n  web: {image: x, environment: {DEBUG: '1'}, scale: 2}\n  db: {image: x}\n", 1);
	changes_are(*state, up,
		    "update service web ()\n"
		    "  services.web.restart \"always\" -\n"
		    "recreate container p-web-1 (configuration changed)\n"
		    "  services.web.environment.DEBUG \"0\" \"1\"\n"
		    "create container p-web-2 (scaled up)\n"
		    "keep container p-db-1 ()\n"
		    "keep container p-old-1 (orphan) orphan\n");
	changes_are(*state, (struct plan_request){ .verb = PLAN_UP, .remove_orphans = true, .no_recreate = true },
		    "update service web ()\n"
		    "  services.web.restart \"always\" -\n"
		    "create container p-web-2 (scaled up)\n"
		    "remove container p-old-1 (orphan)\n"
		    "keep container p-db-1 ()\n"
		    "keep container p-web-1 ()\n");
}

static const char was_more[] = "services:\n  web: {image: x, scale: 2}\n  old: {image: x}\nnetworks: {default: {name: n}}\n";

/* It is kept until its neighbours are known to be good. */
static void what_goes_when_something_comes(void **state)
{
	edit(*state, was_more, "services:\n  web: {image: x, scale: 1, command: changed}\nnetworks: {default: {name: n}}\n", 2);
	changes_are(*state, (struct plan_request){ .verb = PLAN_UP, .remove_orphans = true },
		    "recreate container p-web-1 (configuration changed)\n"
		    "  services.web.command null [\"changed\"]\n"
		    "remove container p-old-1 (orphan)\n"
		    "remove container p-old-2 (orphan)\n"
		    "remove container p-web-2 (scaled down)\n");
}

static void what_goes_when_nothing_comes(void **state)
{
	edit(*state, was_more, "services:\n  web: {image: x, scale: 1}\nnetworks: {default: {name: n}}\n", 2);
	changes_are(*state, up,
		    "remove container p-web-2 (scaled down)\n"
		    "keep container p-web-1 ()\n"
		    "keep container p-old-1 (orphan) orphan\n"
		    "keep container p-old-2 (orphan) orphan\n");
}

static void what_a_service_uses(void **state)
{
	edit(*state,
	     "services: {web: {image: x, networks: [n], volumes: ['v:/v'], configs: [c], secrets: [s]}}\nnetworks: {n: }\nvolumes: {v: }\n"
	     "configs: {c: {content: one}}\nsecrets: {s: {file: ./one}}\n",
	     "services: {web: {image: x, networks: [n], volumes: ['v:/v'], configs: [c], secrets: [s]}}\nnetworks: {n: {name: other}}\nvolumes: {v: {name: own}}\n"
	     "configs: {c: {content: two}}\nsecrets: {s: {file: ./one}}\n",
	     1);
	changes_are(*state, up,
		    "recreate container p-web-1 (configuration changed)\n"
		    "  networks.n.name \"p_n\" \"other\"\n"
		    "  volumes.v.name \"p_v\" \"own\"\n"
		    "  configs.c - contents changed\n");
}

static void another_image_of_the_same_name(void **state)
{
	struct fixture *f = *state;

	edit(f, "services: {web: {image: x}}\n", "services: {web: {image: x}}\n", 1);
	changes_are(f, up, "keep container p-web-1 ()\n");
	f->image_id = "sha256:2222222222222222";
	changes_are(f, up, "recreate container p-web-1 (image changed)\n  services.web.image \"x (111111111111)\" \"x (222222222222)\"\n");
}

static void beyond_the_specification(void **state)
{
	edit(*state, "services: {web: {image: x, x-davit: {probe: {tcp: 80}}}}\n", "services: {web: {image: x, x-davit: {probe: {tcp: 81}}}}\n", 1);
	changes_are(*state, up, "recreate container p-web-1 (configuration changed)\n  services.web.x-davit.probe.tcp 80 81\n");
}

static void the_other_verbs(void **state)
{
	const char *const one[] = { "db", NULL };

	edit(*state, "services: {web: {image: x, depends_on: [db]}, db: {image: x}}\n", "services: {web: {image: x, depends_on: [db]}, db: {image: x}}\n", 1);
	changes_are(*state, (struct plan_request){ .verb = PLAN_DOWN }, "remove container p-web-1 ()\nremove container p-db-1 ()\n");
	changes_are(*state, (struct plan_request){ .verb = PLAN_STOP }, "stop container p-web-1 ()\nstop container p-db-1 ()\n");
	changes_are(*state, (struct plan_request){ .verb = PLAN_RESTART, .services = one }, "restart container p-db-1 ()\n");
	changes_are(*state, (struct plan_request){ .verb = PLAN_START }, "keep container p-db-1 ()\nkeep container p-web-1 ()\n");
	changes_are(*state, (struct plan_request){ .verb = PLAN_REMOVE }, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_project), TEST(an_edit), TEST(what_goes_when_something_comes), TEST(what_goes_when_nothing_comes),
		TEST(what_a_service_uses), TEST(another_image_of_the_same_name),
		TEST(beyond_the_specification), TEST(the_other_verbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
