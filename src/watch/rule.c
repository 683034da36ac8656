#include "rule.h"

#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

/* JetBrains', Emacs', Vim's and Kate's files beside the one that is edited; what version control writes all the time. */
static const char *const passing[] = {
	"**/*___jb_old___", "**/*___jb_tmp___", "**/.idea/**", "**/.#*", "**/#*#", "**/4913", "**/*~", "**/.*.swp", "**/.*.swx", "**/.*.swo",
	"**/.*.swn", "**/.*.kate-swp", "**/.git",
};

void rule_done(struct rule *r)
{
	free(r->service);
	free(r->path);
	free(r->target);
	free(r->context);
	patterns_done(&r->include);
	patterns_done(&r->ignore);
	patterns_done(&r->context_ignore);
}

const char *rule_relative(const char *dir, const char *path)
{
	size_t n = STREQ(dir, "/") ? 0 : strlen(dir);

	if (strncmp(dir, path, n) != 0)
		return NULL;
	if (!path[n])
		return ".";
	return path[n] == '/' ? path + n + 1 : NULL;
}

static bool is_passing(const char *relative)
{
	auto_free char *part = xstrdup(relative);

	for (char *end = part + strcspn(part, "/");; end += 1 + strcspn(end + 1, "/")) {
		char was = *end;

		*end = '\0';
		for (size_t i = 0; i < ARRAY_LEN(passing); i++)
			if (pattern_match(passing[i], part))
				return true;
		*end = was;
		if (!was)
			return false;
	}
}

bool rule_matches(const struct rule *r, const char *path)
{
	const char *relative = rule_relative(r->path, path), *in_context = r->context ? rule_relative(r->context, path) : NULL;

	if (!relative || is_passing(relative))
		return false;
	if (r->include.n && !patterns_match(&r->include, relative))
		return false;
	return !patterns_match(&r->ignore, relative) && !(in_context && patterns_match(&r->context_ignore, in_context));
}

bool rule_never_below(const struct rule *r, const char *dir)
{
	const char *relative = rule_relative(r->path, dir), *in_context = r->context ? rule_relative(r->context, dir) : NULL;

	if (!relative)
		return !rule_relative(dir, r->path);
	return is_passing(relative) || patterns_match_below(&r->ignore, relative) ||
	       (in_context && patterns_match_below(&r->context_ignore, in_context));
}

bool rule_is_top(const struct rule *r, const char *path)
{
	return STREQ(r->path, path);
}

char *rule_target(const struct rule *r, const char *path)
{
	const char *relative = rule_relative(r->path, path);
	auto_free char *target = path_join("/", r->target), *all = NULL;

	if (rule_is_top(r, path))
		return r->is_file && str_ends(r->target, "/") ? path_join(target, strrchr(path, '/') + 1) : take(target);
	all = xasprintf("%s/%s", target, relative);
	return path_join("/", all);
}
