#include "shipfmt.h"

#include <endian.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../util/clock.h"

enum { SHORT_ID = 12, SEVERITY_ERR = 3, SEVERITY_INFO = 6 };

static int severity(const struct ship_msg *m)
{
	return m->stream == 2 ? SEVERITY_ERR : SEVERITY_INFO;
}

/* ------------------------------------------------------------------ journald */

/* "KEY=value", or with the value's length when a newline is in it. */
static void field(struct buf *out, const char *key, const char *value, size_t n)
{
	uint64_t len = htole64(n);

	buf_str(out, key);
	if (memchr(value, '\n', n)) {
		buf_char(out, '\n');
		buf_add(out, &len, sizeof len);
	} else {
		buf_char(out, '=');
	}
	buf_add(out, value, n);
	buf_char(out, '\n');
}

static void text_field(struct buf *out, const char *key, const char *value)
{
	if (value)
		field(out, key, value, strlen(value));
}

void ship_format_journald(const struct log_ship *s, const struct log_who *who, const struct ship_msg *m, struct buf *out)
{
	char stamp[40];

	clock_format(m->at_ns, stamp);
	field(out, "MESSAGE", m->text, m->len);
	text_field(out, "PRIORITY", severity(m) == SEVERITY_ERR ? "3" : "6");
	if (who->id)
		field(out, "CONTAINER_ID", who->id, strnlen(who->id, SHORT_ID));
	text_field(out, "CONTAINER_ID_FULL", who->id);
	text_field(out, "CONTAINER_NAME", who->name);
	text_field(out, "CONTAINER_TAG", s->tag);
	text_field(out, "IMAGE_NAME", who->image);
	text_field(out, "SYSLOG_IDENTIFIER", s->tag);
	text_field(out, "SYSLOG_TIMESTAMP", stamp);
	if (m->partial)
		text_field(out, "CONTAINER_PARTIAL_MESSAGE", "true");
	for (size_t i = 0; i < s->fields.n; i++) {
		const char *text = s->fields.v[i], *eq = strchr(text, '=');
		auto_buf struct buf key = BUF_INIT;

		buf_add(&key, text, (size_t)(eq - text));
		text_field(out, key.p, eq + 1);
	}
}

/* ------------------------------------------------------------------ syslog */

/* "Jan  2 15:04:05", local time */
static void stamp_3164(int64_t at_ns, char *buf, size_t n)
{
	time_t sec = at_ns / SEC_NS;
	struct tm tm = { 0 };

	localtime_r(&sec, &tm);
	strftime(buf, n, "%b %e %H:%M:%S", &tm);
}

/* "2006-01-02T15:04:05[.000000]Z" */
static void stamp_5424(int64_t at_ns, bool micro, char *buf, size_t n)
{
	char full[40];
	const char *dot;

	clock_format(at_ns, full);       /* with nine digits behind the dot */
	dot = strchr(full, '.');
	snprintf(buf, n, "%.*s%.*sZ", (int)(dot - full), full, micro ? 7 : 0, dot);
}

void ship_format_syslog(const struct log_ship *s, const char *host, const struct ship_msg *m, struct buf *out)
{
	int priority = (int)s->facility * 8 + severity(m), pid = (int)getpid();
	char stamp[40];

	switch (s->format) {
	case SYSLOG_UNIX:
		stamp_3164(m->at_ns, stamp, sizeof stamp);
		buf_printf(out, "<%d>%s %s[%d]: ", priority, stamp, s->tag, pid);
		break;
	case SYSLOG_RFC3164:
		stamp_3164(m->at_ns, stamp, sizeof stamp);
		buf_printf(out, "<%d>%s %s %s[%d]: ", priority, stamp, host, s->tag, pid);
		break;
	case SYSLOG_RFC5424:
	case SYSLOG_RFC5424MICRO:
		stamp_5424(m->at_ns, s->format == SYSLOG_RFC5424MICRO, stamp, sizeof stamp);
		buf_printf(out, "<%d>1 %s %s %s %d %s - ", priority, stamp, host, s->tag, pid, s->tag);
		break;
	}
	buf_add(out, m->text, m->len);
	buf_char(out, '\n');
}
