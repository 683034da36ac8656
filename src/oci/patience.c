/* patience.c - how long a runtime may take, and what is said of one that takes longer. */
#include <stdlib.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/log.h"
#include "../util/str.h"
#include "oci.h"

enum { PATIENCE_MS = 60000, SHORTEST_MS = 10 };

/* Leaves *ms when it is not set. */
static int read_setting(int64_t *ms, struct err *err)
{
	const char *text = getenv("DAVIT_RUNTIME_TIMEOUT");
	int64_t ns;

	if (!text || !*text)
		return 0;
	if (str_duration_ns(text, &ns) < 0 || ns < SHORTEST_MS * MS_NS)
		return err_set(err, ERR_USAGE, "DAVIT_RUNTIME_TIMEOUT is '%s', which is no duration of %dms or more, such as 30s", text, SHORTEST_MS);
	*ms = ns / MS_NS;
	return 0;
}

int oci_patience_check(struct err *err)
{
	int64_t ignored;

	return read_setting(&ignored, err);
}

int64_t oci_patience_ms(void)
{
	auto_err struct err err = ERR_INIT;
	static int64_t ms;

	if (ms)
		return ms;
	ms = PATIENCE_MS;
	if (read_setting(&ms, &err) < 0)
		log_warn("%s: it is a minute", err_msg(&err));
	return ms;
}

int oci_overdue(const struct oci_runtime *r, const char *what, const char *container, struct err *err)
{
	char limit[32];

	str_duration_format(oci_patience_ms() * MS_NS, limit);
	err_set(err, ERR_TIMEOUT, "%s %s of container '%s' gave no answer within %s", r->name, what, container, limit);
	return err_hint(err, "the OCI runtime hangs, or is too slow; DAVIT_RUNTIME_TIMEOUT gives it more time than that");
}
