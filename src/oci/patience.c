/* patience.c - how long a runtime may take, and what is said of one that takes longer. */
#include <stdlib.h>

#include "../util/clock.h"
#include "../util/log.h"
#include "../util/str.h"
#include "oci.h"

enum { PATIENCE_MS = 60000 };

int64_t oci_patience_ms(void)
{
	static int64_t ms;
	const char *text = getenv("DAVIT_RUNTIME_TIMEOUT");
	int64_t ns;

	if (ms)
		return ms;
	ms = PATIENCE_MS;
	if (text && str_duration_ns(text, &ns) == 0 && ns >= 10 * MS_NS)
		ms = ns / MS_NS;
	else if (text && *text)
		log_warn("DAVIT_RUNTIME_TIMEOUT is '%s', which is no duration such as 30s: it is a minute", text);
	return ms;
}

int oci_overdue(const struct oci_runtime *r, const char *what, const char *container, struct err *err)
{
	char limit[32];

	str_duration_format(oci_patience_ms() * MS_NS, limit);
	err_set(err, ERR_TIMEOUT, "%s %s of container '%s' gave no answer within %s", r->name, what, container, limit);
	return err_hint(err, "the OCI runtime hangs, or is too slow; DAVIT_RUNTIME_TIMEOUT gives it more time than that");
}
