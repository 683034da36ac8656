/* platforms.c - for which machines an image is built.
 *
 * `davit build` builds for all that `build.platforms` names; `up` for the one that it will run: the service's `platform`, else of the list
 * the one that serves this host. Where none does, all are built as docker compose builds them, and `up` says for whom they are. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../image/platform.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "spec.h"

static void add(struct strs *l, const struct platform *p)
{
	char text[PLATFORM_TEXT];

	platform_format(p, text);
	if (!strs_has(l, text))
		strs_add(l, text);
}

static int add_word(struct strs *l, const char *word, struct err *err)
{
	struct platform p;

	if (platform_parse(word, &p, err) < 0)
		return -1;
	add(l, &p);
	return 0;
}

/* Of the list the one that serves this host best. */
static void only_ours(struct strs *l)
{
	const char *best = NULL;
	unsigned most = 0;
	struct platform host, p;
	struct strs one = STRS_INIT;

	platform_host(&host);
	for (size_t i = 0; i < l->n; i++) {
		unsigned score = platform_parse(l->v[i], &p, NULL) == 0 ? platform_score(&host, &p) : 0;

		if (score > most) {
			most = score;
			best = l->v[i];
		}
	}
	if (!best)
		return;
	strs_add(&one, best);
	strs_done(l);
	*l = one;
}

int spec_platforms(struct build_spec *b, struct err *err)
{
	const struct service *s = b->service;
	const struct strv *list = &s->build.platforms;

	if (s->platform && *s->platform && (b->opts->to_run || !list->n))
		return add_word(&b->platforms, s->platform, err);
	for (size_t i = 0; i < list->n; i++)
		if (add_word(&b->platforms, list->v[i], err) < 0)
			return -1;
	if (b->opts->to_run)
		only_ours(&b->platforms);
	return 0;
}

bool spec_is_native(const char *platform)
{
	struct platform host, p;

	platform_host(&host);
	return !platform || (platform_parse(platform, &p, NULL) == 0 && platform_score(&host, &p));
}

/* ------------------------------------------------------------------ what a Dockerfile is told of them */

/* BuildKit declares these for all Dockerfiles; buildah knows TARGET… when a platform is asked for, and BUILD… not at all (1.28). Those that
 * nobody uses are left out, since it complains of them. */
void spec_platform_args(const struct build_spec *b, const char *platform, struct strs *ret)
{
	static const char *const prefixes[] = { "BUILD", "TARGET" };
	char text[PLATFORM_TEXT];
	struct platform p;

	platform_host(&p);
	platform_format(&p, text);
	for (size_t i = 0; i < (platform ? 1 : ARRAY_LEN(prefixes)) && b->text.p; i++) {
		const char *const all[][2] = { { "PLATFORM", text }, { "OS", p.os }, { "ARCH", p.arch }, { "VARIANT", p.variant } };

		for (size_t k = 0; k < ARRAY_LEN(all); k++) {
			auto_free char *name = xasprintf("%s%s", prefixes[i], all[k][0]);

			if (strstr(b->text.p, name))
				strs_printf(ret, "%s=%s", name, all[k][1]);
		}
	}
}

static size_t variable_len(const char *p)
{
	static const char *const forms[] = { "$BUILDPLATFORM", "${BUILDPLATFORM}" };

	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (str_starts(p, forms[i]))
			return strlen(forms[i]);
	return 0;
}

/* buildah 1.28 takes the target's image for `FROM --platform=$BUILDPLATFORM`, since it does not look for variables there. */
char *spec_with_build_platform(const char *text)
{
	struct buf out = BUF_INIT;
	char host[PLATFORM_TEXT];
	struct platform p;
	size_t n, found = 0;

	platform_host(&p);
	platform_format(&p, host);
	for (const char *line = text; *line; line += n) {
		bool from = strncasecmp(line + strspn(line, " \t"), "FROM", 4) == 0;

		n = strcspn(line, "\n");
		n += line[n] == '\n';
		for (size_t i = 0, len; i < n; i += len) {
			len = from ? variable_len(line + i) : 0;
			found += len != 0;
			if (len)
				buf_str(&out, host);
			else
				buf_add(&out, line + i, len = 1);
		}
	}
	buf_str(&out, "");
	if (found)
		return buf_take(&out);
	buf_done(&out);
	return NULL;
}
