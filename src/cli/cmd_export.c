/* export: a container's own files as a tar archive. */
#include <string.h>

#include "../util/auto.h"
#include "container_root.h"
#include "outfile.h"
#include "service_units.h"

struct export_opts {
	const char *output;
	struct opt_int index;
};

static const struct opt export_flags[] = {
	{ 0, "index", OPT_INT, offsetof(struct export_opts, index), "this container of the service (else the first one)", "N" },
	{ 'o', "output", OPT_STRING, offsetof(struct export_opts, output), "file to write instead of standard output", "FILE" },
	{ 0 }
};

struct job {
	struct cli *c;
	const struct unit_rec *r;
	struct container_root root;
};

static int write_root(void *arg, int fd, struct err *err)
{
	const struct job *j = arg;
	const struct copy_root in = { .fd = j->root.fd, .name = j->root.label };
	struct copy_source from = { .fd = -1 };
	struct copy_count count = { 0 };
	int r = copy_source_open(&in, "/", false, &from, err);

	if (r == 0)
		r = copy_tar(&from, fd, false, &count, err);
	if (count.sockets)
		ui_warn(&j->c->ui, "%ju sockets were left out", (uintmax_t)count.sockets);
	copy_source_done(&from);
	return r < 0 ? err_wrap(err, "archive of container '%s'", j->r->name) : 0;
}

/* The layers first: the file has to be of the mount namespace that they make. */
static int export_run(struct cli *c, const void *opts, struct err *err)
{
	const struct export_opts *o = opts;
	struct job j = { .c = c, .root.fd = -1 };
	struct units units = { 0 };
	int r = units_of_service(c, c->args.v[0], o->index, UNITS_ORDINARY, &units, err);

	if (r == 0) {
		j.r = units.v[0];
		r = container_layers_open(c, j.r, &j.root, err);
	}
	if (r == 0)
		r = outfile_write(o->output, write_root, &j, err);
	container_root_done(&j.root);
	units_done(&units);
	return r;
}

const struct cmd cmd_export = {
	.name = "export",
	.args = "SERVICE",
	.summary = "write a container's files to a tar archive",
	.details = "Its image and what was changed in it, as it is on the disk; volumes and whatever else is mounted is not in it.",
	.needs = NEED_ROOT | NEED_NAME | FROM_ANYWHERE,
	.min_args = 1,
	.max_args = 1,
	.opts = export_flags,
	.opts_size = sizeof(struct export_opts),
	.run = export_run,
};
