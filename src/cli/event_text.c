#include "event_text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/visible.h"

static const char *text_of(const json_t *event, const char *key)
{
	const char *text = jx_str(event, key);

	return text ? text : "";
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the attributes, sorted, NULL-terminated; the array is malloc'ed. */
static const char **names_of(json_t *attributes)
{
	const char **names = xcalloc(json_object_size(attributes) + 1, sizeof *names), *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach(attributes, key, value)
		names[n++] = key;
	qsort(names, n, sizeof *names, by_name);
	return names;
}

/* Seconds since 1970 and what is left of the time in nanoseconds, 0 or more. */
static struct timespec time_of(const json_t *event)
{
	int64_t t = jx_int(event, "t", 0), ns = t % SEC_NS;

	return (struct timespec){ .tv_sec = t / SEC_NS - (ns < 0), .tv_nsec = ns < 0 ? ns + SEC_NS : ns };
}

void event_text(const json_t *event, struct buf *out)
{
	json_t *attributes = jx_obj(event, "attributes");
	auto_free const char **names = names_of(attributes);
	struct timespec t = time_of(event);
	char stamp[64];
	struct tm tm;

	localtime_r(&t.tv_sec, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &tm);
	buf_printf(out, "%s.%06ld %s %s %s (", stamp, t.tv_nsec / 1000, text_of(event, "type"), text_of(event, "action"),
		   text_of(event, "id"));
	for (const char **name = names; *name; name++) {
		auto_free char *key = visible_copy(*name), *value = visible_copy(text_of(attributes, *name));
		buf_printf(out, "%s%s=%s", name > names ? ", " : "", key, value);
	}
	buf_str(out, ")\n");
}

/* As Go prints a time: the fraction without zeros at its end, the zone as +01:00 or Z. */
static void add_time(const json_t *event, struct buf *out)
{
	struct timespec t = time_of(event);
	char stamp[64], zone[16], fraction[16];
	size_t n;
	struct tm tm;

	localtime_r(&t.tv_sec, &tm);
	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	n = (size_t)snprintf(fraction, sizeof fraction, ".%09ld", t.tv_nsec);
	while (n && (fraction[n - 1] == '0' || fraction[n - 1] == '.'))
		fraction[--n] = 0;
	buf_printf(out, "\"%s%s", stamp, fraction);
	strftime(zone, sizeof zone, "%z", &tm);
	if (tm.tm_gmtoff == 0)
		buf_str(out, "Z\"");
	else
		buf_printf(out, "%.3s:%s\"", zone, zone + 3);
}

static void field(struct buf *out, const char *before, const json_t *event, const char *key)
{
	buf_printf(out, "%s\"%s\":", before, key);
	buf_json(out, text_of(event, key));
}

void event_json(const json_t *event, struct buf *out)
{
	json_t *attributes = jx_obj(event, "attributes");
	auto_free const char **names = names_of(attributes);

	field(out, "{", event, "action");
	buf_str(out, ",\"attributes\":{");
	for (const char **name = names; *name; name++) {
		buf_str(out, name > names ? "," : "");
		buf_json(out, *name);
		buf_char(out, ':');
		buf_json(out, text_of(attributes, *name));
	}
	buf_char(out, '}');
	field(out, ",", event, "id");
	field(out, ",", event, "service");
	buf_str(out, ",\"time\":");
	add_time(event, out);
	field(out, ",", event, "type");
	buf_str(out, "}\n");
}
