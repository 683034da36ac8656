/* `config`: what compose/ makes of the files. Its printed forms are the reference's; lists are made in
 * config_views.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/fd.h"
#include "../util/path.h"
#include "config.h"

#define C(field) offsetof(struct config_opts, field)
static const struct opt config_flags[] = {
	{ 0, "format", OPT_STRING, C(format), "yaml or json; with json, problems are JSON, too", "KIND", "yaml json …" },
	{ 'o', "output", OPT_STRING, C(output), "write the model to a file instead of standard output",
		"FILE" },
	{ 'q', "quiet", OPT_BOOL, C(quiet), "only check the files, print nothing" },
	{ 0, "strict", OPT_BOOL, C(strict), "refuse attributes that have no effect here" },
	{ 0, "services", OPT_BOOL, C(services), "print the names of the services, one per line" },
	{ 0, "volumes", OPT_BOOL, C(volumes), "print the names of the volumes, one per line" },
	{ 0, "networks", OPT_BOOL, C(networks), "print the names of the networks, one per line" },
	{ 0, "images", OPT_BOOL, C(images), "print the names of the images, one per line" },
	{ 0, "profiles", OPT_BOOL, C(profiles), "print the names of the profiles, one per line" },
	{ 0, "models", OPT_BOOL, C(models), "print the names of the models, one per line" },
	{ 0, "hash", OPT_STRING, C(hash),
		"print the configuration hash of services: names with commas between, or *", "SERVICES" },
	{ 0, "no-interpolate", OPT_BOOL, C(no_interpolate), "leave variables as they are" },
	{ 0, "no-normalize", OPT_BOOL, C(no_normalize), "do not fill in what is implied" },
	{ 0, "no-path-resolution", OPT_BOOL, C(no_path_resolution), "leave paths as they are" },
	{ 0, "no-env-resolution", OPT_BOOL, C(no_env_resolution), "do not read the services' env files" },
	{ 0, "no-consistency", OPT_BOOL, C(no_consistency),
		"do not check that what is referred to is there" },
	{ 0, "environment", OPT_BOOL, C(environment),
		"print the variables that the files can use, and their values" },
	{ 0, "variables", OPT_BOOL, C(variables), "print the variables that the files do use" },
	{ 0, "resolve-image-digests", OPT_BOOL, C(resolve_digests),
		"print images with the digests that davit's store has of them" },
	{ 0, "lock-image-digests", OPT_BOOL, C(lock_digests),
		"the same, and nothing but the images: an override file" },
	{ 0, "dry-run", OPT_IGNORED, 0, NULL },
	{ 0 }
};

/* A file is replaced as a whole; what is there and is none (/dev/null, a pipe) is written to. */
static int write_file(const char *file, const struct buf *text, struct err *err)
{
	const char *data = text->p ? text->p : "";
	struct stat st;
	bool other = stat(file, &st) == 0 && !S_ISREG(st.st_mode);

	if (!other) {
		auto_free char *target = realpath(file, NULL);

		return path_write(AT_FDCWD, target ? target : file, data, text->len, 0644, 0, err);
	}
	auto_close int fd = open(file, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fd_write_all(fd, data, text->len) < 0)
		return err_sys(err, errno, "write it");
	return 0;
}

static int write_out(struct cli *c, const char *file, const struct buf *text, struct err *err)
{
	if (file && *file)
		return write_file(file, text, err) < 0 ? err_wrap(err, "output '%s'", file) : 0;
	buf_add(&c->ui.out, text->p ? text->p : "", text->len);
	/* the reference ends JSON without a newline, which a terminal shows badly */
	if (isatty(STDOUT_FILENO) && text->len && text->p[text->len - 1] != '\n')
		buf_char(&c->ui.out, '\n');
	return 0;
}

static void set_load(struct cli *c, const struct config_opts *o, const struct config_view *view)
{
	struct compose_opts *load = &c->compose;

	if (c->args.n && (!view || view->takes_services))
		load->services = (const char *const *)c->args.v;
	load->no_interpolate = o->no_interpolate;
	load->no_normalize = o->no_normalize || c->g.compatibility;
	load->no_path_resolution = o->no_path_resolution;
	/* the reference reads the env files of a model that it prints, --no-env-resolution or not */
	load->no_env_resolution = view && !view->reads_env_files;
	load->no_consistency = o->no_consistency;
	load->whole = o->no_interpolate && (!view || view->whole);
	load->effects = o->strict ? EFFECTS_REFUSED : EFFECTS_UNTOLD;
}

static int print_model(struct cli *c, const struct config_opts *o, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;

	if (o->resolve_digests || o->lock_digests) {
		int r = config_pin_images(c, o, err);

		if (r)
			return r;
	}
	if (o->quiet)
		return 0;
	if (!str_eq(o->format, "json")) {
		project_dump_yaml(c->project, &text);
	} else if (project_dump_json(c->project, &text, &c->err_pos) < 0) {
		err_set(err, ERR_INPUT, "JSON has no word for .inf and .nan");
		return err_hint(err, "put it in quotes, or print YAML");
	}
	return write_out(c, o->output, &text, err);
}

static int config_run(struct cli *c, const void *opts, struct err *err)
{
	struct config_opts o = *(const struct config_opts *)opts;
	const struct config_view *view;
	int r;

	o.hash_asked = o.hash && *o.hash;
	view = config_view_find(&o);
	if (!view && o.format && *o.format && !STREQ(o.format, "json") && !STREQ(o.format, "yaml"))
		return err_set(err, ERR_USAGE, "unsupported format '%s': there are yaml and json", o.format);
	set_load(c, &o, view);
	if (view && view->modelless)
		return view->print(c, &o, &c->ui.out, err);
	r = cli_load(c, err);
	if (r)
		return r;
	return view ? view->print(c, &o, &c->ui.out, err) : print_model(c, &o, err);
}

const struct cmd cmd_config = {
	.name = "config",
	.needs = ONLY_LOOKS,
	.args = "[SERVICE...]",
	.summary = "check the compose files and print what they come to",
	.details = "Problems are told on standard error, all at once, with their places; with --format json "
		   "as an array of\n"
		   "objects (level, message, file, line, column, end_column, path, origin, notes, hints, "
		   "rendered).\n"
		   "The exit status is 1 when there is an error, else 0.",
	.max_args = -1,
	.opts = config_flags,
	.opts_size = sizeof(struct config_opts),
	.run = config_run,
};
