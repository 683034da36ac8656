#include "filter.h"

#include <fnmatch.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "image.h"

void image_name_split(const char *name, char **ret_repository, char **ret_tag)
{
	struct image_ref ref = { 0 };
	auto_free char *familiar = NULL;
	char *at;

	if (!name || ref_parse(name, &ref, NULL) < 0) {
		*ret_repository = xstrdup("<none>");
		*ret_tag = xstrdup("<none>");
		return;
	}
	*ret_tag = xstrdup(ref.tag ? ref.tag : "<none>");
	free(ref.tag);
	free(take(ref.digest));
	ref.tag = xstrdup("x");
	familiar = ref_familiar(&ref);
	at = strrchr(familiar, ':');
	*ret_repository = xstrndup(familiar, (size_t)(at - familiar));
	ref_done(&ref);
}

static bool has_label(const json_t *labels, const char *want)
{
	const char *eq = strchr(want, '=');
	auto_free char *key = xstrndup(want, eq ? (size_t)(eq - want) : strlen(want));
	const char *have = jx_str(labels, key);

	return have && (!eq || STREQ(have, eq + 1));
}

static bool reference_fits(const char *pattern, const char *ref)
{
	auto_free char *repository = NULL, *tag = NULL, *familiar = NULL;

	image_name_split(ref, &repository, &tag);
	familiar = xasprintf("%s:%s", repository, tag);
	return fnmatch(pattern, familiar, FNM_PATHNAME) == 0 || fnmatch(pattern, repository, FNM_PATHNAME) == 0 ||
	       fnmatch(pattern, ref, FNM_PATHNAME) == 0;
}

bool image_filter_takes(const struct image_filter *f, const struct image *img, const char *ref)
{
	int64_t created_ns = clock_parse(img->created);
	bool fits = !f->references.n;

	if (f->names != FILTER_ANY && (f->names == FILTER_DANGLING) != !*ref)
		return false;
	if ((f->before_ns && created_ns >= f->before_ns) || (f->since_ns && created_ns <= f->since_ns))
		return false;
	for (size_t i = 0; i < f->references.n && !fits; i++)
		fits = *ref && reference_fits(f->references.v[i], ref);
	for (size_t i = 0; i < f->labels.n; i++)
		fits &= has_label(img->labels, f->labels.v[i]);
	for (size_t i = 0; i < f->not_labels.n; i++)
		fits &= !has_label(img->labels, f->not_labels.v[i]);
	return fits;
}

void image_filter_done(struct image_filter *f)
{
	strs_done(&f->labels);
	strs_done(&f->not_labels);
	strs_done(&f->references);
}
