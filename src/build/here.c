/* here.c - Dockerfiles with here-documents, for a buildah that does not read them: it takes their lines for instructions, after all that
 * stands above them was built.
 *
 * buildah reads them since 1.33, but not as Debian and Ubuntu built it before 1.35, with an older parser (its issue 5474). So below 1.33 they are
 * refused before anything is built, between them the failure is explained. */
#include <stdio.h>

#include "../util/auto.h"
#include "step.h"
#include "tool.h"

enum { READS_MINOR = 33, SURELY_MINOR = 35 };

#define ADVICE "use buildah 1.35 or newer (Debian 13 has one), or BuildKit (--builder buildkit), or write the lines into a file and COPY it"

/* The part of buildah's version behind "1."; a very large one when it is not to be told. */
static int buildah_minor(const struct step *s)
{
	auto_strs struct strs argv = STRS_INIT;
	auto_buf struct buf text = BUF_INIT;
	int major = 0, minor = 0;

	strs_add(&argv, "buildah");
	strs_add(&argv, "--version");
	if (tool_run(&s->run->host, &argv, s->out_fd, &text, NULL) != 0 || !text.p ||
	    sscanf(text.p, "buildah version %d.%d", &major, &minor) != 2 || major != 1)
		return INT32_MAX;
	return minor;
}

int step_here(const struct step *s, const char **ret_advice, struct err *err)
{
	const struct build_spec *spec = s->spec;
	size_t line = spec->text.p ? dockerfile_here(spec->text.p) : 0;
	int minor = line ? buildah_minor(s) : INT32_MAX;
	bool is_inline = spec->service->build.dockerfile_inline != NULL;

	*ret_advice = minor < SURELY_MINOR ? "if it took the lines of a here-document (<<) for instructions: " ADVICE : NULL;
	if (minor >= READS_MINOR)
		return 0;
	err_set(err, ERR_INPUT, "%s:%zu: buildah 1.%d does not read here-documents (<<)", is_inline ? "dockerfile_inline" : spec->dockerfile, line,
		minor);
	return err_hint(err, ADVICE);
}
