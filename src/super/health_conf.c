/* health_conf.c - which health check a container has, as Docker merges what the service says with what its image says: field by field, and
 * 0 is not given. A probe of x-davit takes the place of any command, and has nothing of the image's. */
#include "sup.h"

#include <string.h>

#include "../util/clock.h"
#include "launch_parts.h"

static bool disabled(const struct service *svc)
{
	return svc->healthcheck.given && svc->healthcheck.disable;
}

/* ["CMD", …], ["CMD-SHELL", …], ["NONE"], or nothing. */
static size_t test_of(const struct service *svc, const struct image *img, char *const **ret)
{
	const struct strv *own = &svc->healthcheck.test;

	*ret = own->n ? own->v : img ? img->health.test.v : NULL;
	return own->n ? own->n : img ? img->health.test.n : 0;
}

static bool has_command(const struct service *svc, const struct image *img)
{
	char *const *v;
	size_t n = test_of(svc, img, &v);

	return n > 1 && (STREQ(v[0], "CMD") || STREQ(v[0], "CMD-SHELL"));
}

bool health_wanted(const struct service *svc, const struct image *img)
{
	return !disabled(svc) && (svc->probe.kind != PROBE_NONE || has_command(svc, img));
}

struct strs health_command(const struct service *svc, const struct image *img)
{
	struct strs out = STRS_INIT;
	char *const *v;
	size_t n = test_of(svc, img, &v);

	if (!health_wanted(svc, img) || svc->probe.kind != PROBE_NONE)
		return out;
	if (STREQ(v[0], "CMD-SHELL") && img && img->shell.n) {
		making_add_all(&out, img->shell.v, img->shell.n);
	} else if (STREQ(v[0], "CMD-SHELL")) {
		strs_add(&out, "/bin/sh");
		strs_add(&out, "-c");
	}
	making_add_all(&out, v + 1, n - 1);
	return out;
}

static int64_t ms(int64_t own_ns, int64_t image_ns, int64_t otherwise_ms)
{
	int64_t ns = own_ns > 0 ? own_ns : image_ns;

	return ns <= 0 ? otherwise_ms : ns < MS_NS ? 1 : ns / MS_NS;
}

void health_times(const struct service *svc, const struct image *img, struct launch *l)
{
	static const struct image_health nothing;
	const struct healthcheck *h = &svc->healthcheck;
	const struct image_health *ih = img && svc->probe.kind == PROBE_NONE ? &img->health : &nothing;

	l->health_interval_ms = ms(h->interval_ns, ih->interval_ns, 30000);
	l->health_timeout_ms = ms(h->timeout_ns, ih->timeout_ns, 30000);
	l->health_start_period_ms = ms(h->start_period_ns, ih->start_period_ns, 0);
	l->health_start_interval_ms = ms(h->start_interval_ns, ih->start_interval_ns, 5000);
	l->health_retries = h->retries > 0 ? h->retries : ih->retries > 0 ? ih->retries : 3;
}
