/* import.c - a root file system in a tar archive becomes an image of one layer. */
#include "pack.h"

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "expand.h"
#include "instruction.h"
#include "jobs.h"

#define CONFIG_FILE "config.json"

struct import {
	const struct pack_import *req;
	struct stage stage;
	struct staged_blob layer, config;
	struct pack_images images;
	struct jobs jobs;
	json_t *doc; /* the config */
};

static int make_config(struct import *i, struct err *err)
{
	auto_free char *diff = xasprintf("sha256:%s", i->layer.hex), *comment = xasprintf("Imported from %s", i->req->name);
	char now[40];

	clock_format(clock_wall_ns(), now);
	i->doc = platform_json(&i->req->platform);
	jx_set_str(i->doc, "created", now);
	json_object_set_new(i->doc, "config", json_object());
	json_object_set_new(i->doc, "rootfs", json_pack("{s:s, s:[s]}", "type", "layers", "diff_ids", diff));
	json_object_set_new(i->doc, "history",
		json_pack("[{s:s, s:s}]", "created", now, "comment", i->req->message ? i->req->message : comment));
	jx_set_str(i->doc, "comment", i->req->message ? i->req->message : comment);
	for (size_t k = 0; k < i->req->n_changes; k++)
		if (instruction_apply(jx_obj(i->doc, "config"), i->req->changes[k], err) < 0)
			return -1;
	return 0;
}

static int stage_config(struct import *i, struct err *err)
{
	auto_free char *text = NULL;
	size_t n;

	if (make_config(i, err) < 0)
		return -1;
	text = json_dumps(i->doc, JSON_COMPACT);
	if (!text)
		return err_set(err, ERR_INPUT, "a change has text that is not UTF-8");
	n = strlen(text);
	i->config = (struct staged_blob){ .file = xstrdup(CONFIG_FILE), .size = n, .kind = BLOB_PLAIN };
	hash_sha256_hex(text, n, i->config.hex);
	return path_write(i->stage.fd, CONFIG_FILE, text, n, 0644, 0, err);
}

static int make_image(struct import *i, struct err *err)
{
	struct pack_image *img = XGROW(i->images.v, i->images.n, i->images.cap);
	struct staged_blob *layers[] = { &i->layer };

	img->config = &i->config;
	if (i->req->ref)
		strs_add(&img->refs, i->req->ref);
	if (pack_image_config(img, i->doc, layers, 1, &i->req->platform, false, &i->images.warnings, err) < 0)
		return -1;
	pack_image_manifest(img);
	return 0;
}

static int unpack_and_publish(struct import *i, struct err *err)
{
	const struct pack_layer *layer = &i->images.v[0].layers[0];
	size_t n;
	int r;

	do {
		auto_free struct staged_layer *staged = NULL;

		if (!i->jobs.n && !stage_has(&i->stage, "layers", i->layer.hex)) { /* a lowest layer's chain id is its diff_id */
			jobs_add(&i->jobs, &i->stage, layer, i->layer.file, &i->req->limits);
			if (jobs_run(&i->jobs, err) < 0)
				return -1;
		}
		staged = jobs_staged(&i->jobs, &n);
		r = publish(&i->stage, &i->images, staged, n, err);
	} while (r == PUBLISH_LOST);
	return r;
}

static int import_staged(struct import *i, struct err *err)
{
	if (expand(&i->stage, i->req->fd, i->req->limits.bytes, &i->layer, err) < 0 || stage_config(i, err) < 0 || make_image(i, err) < 0 ||
		unpack_and_publish(i, err) < 0)
		return err_wrap(err, "import '%s'", i->req->name);
	return 0;
}

static void tell(const struct import *i)
{
	auto_free char *id = xasprintf("sha256:%s", i->config.hex);
	auto_json json_t *ev = json_pack("{s:s, s:s}", "ev", "imported", "id", id);

	for (size_t k = 0; k < i->images.warnings.n && i->req->on_event; k++) {
		auto_json json_t *warn = json_pack("{s:s, s:s}", "ev", "warn", "msg", i->images.warnings.v[k]);

		i->req->on_event(i->req->arg, warn);
	}
	if (i->req->on_event)
		i->req->on_event(i->req->arg, ev);
}

int pack_import(const struct pack_import *req, struct err *err)
{
	struct import i = { .req = req };
	int r;

	if (stage_open(req->state_dir, &i.stage, err) < 0)
		return -1;
	r = import_staged(&i, err);
	if (r == 0)
		tell(&i);
	jobs_done(&i.jobs);
	choose_done(&i.images);
	json_decref(i.doc);
	free(i.layer.file);
	free(i.config.file);
	stage_close(&i.stage);
	return r;
}
