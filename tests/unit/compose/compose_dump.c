/* compose_dump - compose/ alone behind the command line of `config`, for the golden cases: nothing but compose and src/util is linked.
 *
 *	compose_dump [-f FILE]... [--env-file FILE]... [-p NAME] [--profile NAME]... [--project-directory DIR] config [option]... [SERVICE]... */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../compose/project.h"
#include "../../../src/util/auto.h"
#include "../../../src/util/buf.h"

struct options {
	struct compose_opts c;
	const char *services[64];
	size_t n_services;
	bool yaml, quiet;
};

static void print_diag(const struct diag *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct diag_item *it = &d->items[i];

		fprintf(stderr, "%s:%u:%u: %s: %s", it->pos.file ? it->pos.file : "davit", it->pos.line, it->pos.col,
			it->level == DIAG_ERROR ? "error" : "warning", it->msg);
		fprintf(stderr, "%s%s%s%s\n", it->path ? "; " : "", it->path ? it->path : "", it->origin ? "; " : "",
			it->origin ? it->origin : "");
		for (size_t k = 0; k < it->n_notes; k++)
			fprintf(stderr, "  %s: %s\n", it->notes[k].hint ? "hint" : "note", it->notes[k].msg);
	}
}

/* A value of an option at argv[*i], in either form; NULL: it is another option. */
static const char *value_of(char **argv, int *i, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n) != 0)
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (argv[*i][n])
		return NULL;
	return argv[*i + 1] ? argv[++*i] : "";
}

static int parse_one(struct options *o, char **argv, int *i)
{
	const char *v;

	if ((v = value_of(argv, i, "-f")) || (v = value_of(argv, i, "--file")))
		strs_add(&o->c.files, v);
	else if ((v = value_of(argv, i, "--env-file")))
		strs_add(&o->c.env_files, v);
	else if ((v = value_of(argv, i, "--profile")))
		strs_add(&o->c.profiles, v);
	else if ((v = value_of(argv, i, "-p")) || (v = value_of(argv, i, "--project-name")))
		o->c.project_name = v;
	else if ((v = value_of(argv, i, "--project-directory")))
		o->c.project_directory = v;
	else if ((v = value_of(argv, i, "--format")))
		o->yaml = STREQ(v, "yaml");
	else if (STREQ(argv[*i], "-q"))
		o->quiet = true;
	else if (STREQ(argv[*i], "--no-interpolate"))
		o->c.no_interpolate = true;
	else if (STREQ(argv[*i], "--no-normalize"))
		o->c.no_normalize = true;
	else if (STREQ(argv[*i], "--no-path-resolution"))
		o->c.no_path_resolution = true;
	else if (STREQ(argv[*i], "--no-env-resolution"))
		o->c.no_env_resolution = true;
	else if (STREQ(argv[*i], "--no-consistency"))
		o->c.no_consistency = true;
	else if (argv[*i][0] == '-' || o->n_services == 63)
		return -1;
	else if (!STREQ(argv[*i], "config"))
		o->services[o->n_services++] = argv[*i];
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .yaml = false };
	struct diag d = DIAG_INIT;
	struct project *p = NULL;
	struct buf out = BUF_INIT;
	int status = 1;

	for (int i = 1; i < argc; i++) {
		if (parse_one(&o, argv, &i) < 0) {
			fprintf(stderr, "compose_dump: unknown option '%s'\n", argv[i]);
			return 1;
		}
	}
	o.c.services = o.n_services ? o.services : NULL;
	if (compose_load(&o.c, &d, &p) == 0) {
		status = 0;
		if (o.yaml)
			project_dump_yaml(p, &out);
		else if (!o.quiet)
			project_dump_json(p, &out);
		if (out.len)
			fwrite(out.p, 1, out.len, stdout);
	}
	print_diag(&d);
	buf_done(&out);
	project_free(p);
	diag_done(&d);
	strs_done(&o.c.files);
	strs_done(&o.c.env_files);
	strs_done(&o.c.profiles);
	return status;
}
