/* Any text as a port, a range of ports and an extra host: refused with a reason, or something that can be written down and means the
 * same again. */
#include <stdio.h>

#include "../../compose/val.h"
#include "../../src/util/str.h"
#include "fuzz.h"

static void check_range(unsigned min, unsigned max)
{
	require(min <= max && max <= 65535);
}

static char *written(struct arena *a, const struct val_port *p)
{
	char *host = p->published ? arena_printf(a, "%u-%u", p->published_min, p->published_max) : arena_strdup(a, "");

	return arena_printf(a, "[%s]:%s:%u-%u/%s", p->host_ip ? p->host_ip : "", host, p->target_min, p->target_max,
		p->protocol);
}

static void check_port(struct arena *a, const char *text)
{
	struct val_port p, again;
	char *why = NULL;

	if (val_port(a, text, &p, &why) < 0) {
		require(why != NULL);
		return;
	}
	require(p.target_min > 0 && val_protocol(a, p.protocol) && (!p.host_ip || val_ip(p.host_ip)));
	check_range(p.target_min, p.target_max);
	if (p.published)
		check_range(p.published_min, p.published_max);
	require(val_port(a, written(a, &p), &again, &why) == 0 && !again.ignored);
	require(STREQ(written(a, &p), written(a, &again)));
}

static void check_hosts(struct arena *a, const char *text)
{
	struct strv lines;
	char *why = NULL;
	int r = val_hosts(a, text, &lines, &why);

	require(r == 0 ? lines.n > 0 : why != NULL);
	for (size_t i = 0; r == 0 && i < lines.n; i++)
		require(strchr(lines.v[i], '=') > lines.v[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *text = fuzz_text(a, data, size);
	unsigned min, max;
	char *why;

	check_port(a, text);
	check_hosts(a, text);
	if (val_port_range(a, text, "port", &min, &max, &why) == 0)
		check_range(min, max);
	arena_free(a);
	return 0;
}
