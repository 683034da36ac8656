/* logopt.c - one row per option: who has it, and what its value must be. */
#include "logopt.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "logtag.h"
#include "shipaddr.h"

enum { JSON_FILE = 1, LOCAL = 2, JOURNALD = 4, SYSLOG = 8, CACHED = JOURNALD | SYSLOG, ALL = 15 };

static const struct driver {
	const char *name;
	unsigned bit;
	enum ship_to to;
} drivers[] = {
	{ "json-file", JSON_FILE, SHIP_NOWHERE }, { "local", LOCAL, SHIP_NOWHERE },
	{ "journald", JOURNALD, SHIP_JOURNALD },  { "syslog", SYSLOG, SHIP_SYSLOG },
};

static const char *const facilities[] = {
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", NULL, NULL, NULL, NULL,
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
};

static const char *const formats[] = {
	[SYSLOG_UNIX] = "", [SYSLOG_RFC3164] = "rfc3164", [SYSLOG_RFC5424] = "rfc5424", [SYSLOG_RFC5424MICRO] = "rfc5424micro",
};

/* ------------------------------------------------------------------ values */

static int bad(struct err *err, const char *key, const char *value, const char *what)
{
	return err_set(err, ERR_INPUT, "log option %s '%s' is not %s", key, value, what);
}

static int is_size(const char *key, const char *value, struct err *err)
{
	int64_t n;

	return str_size(value, &n) < 0 || n < 1 ? bad(err, key, value, "a size") : 0;
}

static int is_count(const char *key, const char *value, struct err *err)
{
	unsigned n;

	return str_uint(value, 1, 1000, &n) < 0 ? bad(err, key, value, "a number from 1 to 1000") : 0;
}

static int is_bool(const char *key, const char *value, struct err *err)
{
	return STREQ(value, "true") || STREQ(value, "false") ? 0 : bad(err, key, value, "true or false");
}

static int is_mode(const char *key, const char *value, struct err *err)
{
	return STREQ(value, "blocking") || STREQ(value, "non-blocking") ? 0 : bad(err, key, value, "blocking or non-blocking");
}

static int is_text(const char *key, const char *value, struct err *err)
{
	return 0;
}

static int is_regex(const char *key, const char *value, struct err *err)
{
	regex_t re;

	if (regcomp(&re, value, REG_EXTENDED | REG_NOSUB) != 0)
		return bad(err, key, value, "a regular expression");
	regfree(&re);
	return 0;
}

static int is_tag(const char *key, const char *value, struct err *err)
{
	const struct log_who nobody = { .id = "", .name = "", .image = "", .image_id = "" };
	auto_free char *tag = log_tag(value, &nobody, err);

	return tag ? 0 : -1;
}

static int is_address(const char *key, const char *value, struct err *err)
{
	struct ship_addr a;

	if (ship_addr_parse(value, &a, err) < 0)
		return -1;
	ship_addr_done(&a);
	return 0;
}

static int facility_of(const char *word, unsigned *ret)
{
	for (unsigned i = 0; i < ARRAY_LEN(facilities); i++)
		if (facilities[i] && STREQ(facilities[i], word)) {
			*ret = i;
			return 0;
		}
	return str_uint(word, 0, 23, ret);
}

static int is_facility(const char *key, const char *value, struct err *err)
{
	unsigned n;

	return facility_of(value, &n) < 0 ? bad(err, key, value, "a facility: daemon, user, local0 and so on, or a number from 0 to 23") : 0;
}

static int format_of(const char *word)
{
	for (int i = 0; i < (int)ARRAY_LEN(formats); i++)
		if (STREQ(formats[i], word))
			return i;
	return -1;
}

static int is_format(const char *key, const char *value, struct err *err)
{
	return format_of(value) < 0 ? bad(err, key, value, "rfc3164, rfc5424 or rfc5424micro") : 0;
}

static int no_tls(const char *key, const char *value, struct err *err)
{
	err_set(err, ERR_INPUT, "log option %s: davit does not speak TLS to a syslog server", key);
	return err_hint(err, "send to a syslog daemon of this host, and let that one forward with TLS");
}

static const struct option_row {
	const char *key;
	unsigned who;
	int (*check)(const char *key, const char *value, struct err *err);
} option_rows[] = {
	{ "max-size", JSON_FILE | LOCAL, is_size },       { "max-file", JSON_FILE | LOCAL, is_count },
	{ "compress", JSON_FILE | LOCAL, is_bool },       { "mode", ALL, is_mode },
	{ "max-buffer-size", ALL, is_size },              { "tag", JSON_FILE | CACHED, is_tag },
	{ "labels", JSON_FILE | CACHED, is_text },        { "labels-regex", JSON_FILE | CACHED, is_regex },
	{ "env", JSON_FILE | CACHED, is_text },           { "env-regex", JSON_FILE | CACHED, is_regex },
	{ "cache-max-size", CACHED, is_size },            { "cache-max-file", CACHED, is_count },
	{ "cache-compress", CACHED, is_bool },            { "cache-disabled", CACHED, is_bool },
	{ "syslog-address", SYSLOG, is_address },         { "syslog-facility", SYSLOG, is_facility },
	{ "syslog-format", SYSLOG, is_format },           { "syslog-tls-ca-cert", SYSLOG, no_tls },
	{ "syslog-tls-cert", SYSLOG, no_tls },            { "syslog-tls-key", SYSLOG, no_tls },
	{ "syslog-tls-skip-verify", SYSLOG, no_tls },
};

/* ------------------------------------------------------------------ what the file says */

static const struct driver *driver_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (STREQ(drivers[i].name, name && *name ? name : "json-file"))
			return &drivers[i];
	return NULL;
}

bool logopt_known_driver(const char *driver)
{
	return driver_of(driver) || STREQ(driver, "none");
}

/* Docker's own, and a plugin that is often given this short name. */
static const char *const others[] = { "awslogs", "etwlogs", "fluentd", "gcplogs", "gelf", "logentries", "loki", "splunk" };

int logopt_check_driver(const struct service *svc, struct err *err)
{
	const char *name = svc->log_driver, *known[ARRAY_LEN(drivers) + ARRAY_LEN(others) + 2] = { "none" }, *near;
	size_t n = 1;

	if (logopt_known_driver(name) || strpbrk(name, "/:"))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		known[n++] = drivers[i].name;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (STREQ(others[i], name))
			return 0;
		known[n++] = others[i];
	}
	near = str_nearest(name, known);
	err_set(err, ERR_INPUT, "there is no log driver '%s'", name);
	return near ? err_hint(err, "did you mean '%s'?", near) : err_hint(err, "there are json-file, local, journald, syslog and none");
}

static const char *option(const struct service *svc, const char *key)
{
	const struct kvs *l = &svc->log_options;

	for (size_t i = 0; i < l->n; i++)
		if (STREQ(l->v[i].key, key))
			return l->v[i].value;
	return NULL;
}

static int unknown(const struct driver *d, const char *key, struct err *err)
{
	const char *known[ARRAY_LEN(option_rows) + 1] = { NULL }, *near;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(option_rows); i++)
		if (option_rows[i].who & d->bit)
			known[n++] = option_rows[i].key;
	near = str_nearest(key, known);
	err_set(err, ERR_INPUT, "log driver '%s' has no option '%s'", d->name, key);
	if (near)
		err_hint(err, "did you mean '%s'?", near);
	return LOGOPT_UNKNOWN;
}

int logopt_check_option(const struct service *svc, size_t i, struct err *err)
{
	const struct driver *d = driver_of(svc->log_driver);
	const char *key = svc->log_options.v[i].key, *value = svc->log_options.v[i].value;

	for (size_t k = 0; d && k < ARRAY_LEN(option_rows); k++)
		if (STREQ(option_rows[k].key, key) && option_rows[k].who & d->bit)
			return value ? option_rows[k].check(key, value, err) : 0;
	return d ? unknown(d, key, err) : 0;
}

const char *logopt_without_effect(const struct service *svc)
{
	static const char *const keys[] = { "max-buffer-size", "compress", "cache-compress", "cache-disabled" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *value = option(svc, keys[i]);
		if (value && !STREQ(value, "false"))
			return keys[i];
	}
	return NULL;
}

/* ------------------------------------------------------------------ what it comes to */

/* The name of a field in the journal: capitals, digits, and '_' for the rest; never in front. */
static char *field_name(const char *key)
{
	char *name = xmalloc(strlen(key) + 1), *p = name;

	for (; *key; key++) {
		char c = *key >= 'a' && *key <= 'z' ? (char)(*key - 'a' + 'A') : *key;
		if ((c < 'A' || c > 'Z') && (c < '0' || c > '9'))
			c = '_';
		if (p != name || c != '_')
			*p++ = c;
	}
	*p = '\0';
	return name;
}

/* Whether `labels: a,b` or `labels-regex` asks for it. */
static bool asked_for(const char *list, const char *regex, const char *key)
{
	size_t n = strlen(key);
	regex_t re;
	bool yes;

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == n && memcmp(p, key, n) == 0)
			return true;
	if (!regex || regcomp(&re, regex, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	yes = regexec(&re, key, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

static void add_field(struct log_ship *s, const char *key, const char *value)
{
	auto_free char *name = field_name(key);

	if (*name)
		strs_printf(&s->fields, "%s=%s", name, value);
}

static void add_fields(const struct service *svc, const struct log_who *who, struct log_ship *s)
{
	const char *key, *labels = option(svc, "labels"), *env = option(svc, "env");
	json_t *v;

	json_object_foreach((json_t *)who->labels, key, v)
		if (json_is_string(v) && asked_for(labels, option(svc, "labels-regex"), key))
			add_field(s, key, json_string_value(v));
	for (size_t i = 0; who->env && i < who->env->n; i++) {
		const char *text = who->env->v[i];
		auto_free char *name = xstrndup(text, strcspn(text, "="));
		if (text[strlen(name)] && asked_for(env, option(svc, "env-regex"), name))
			add_field(s, name, text + strlen(name) + 1);
	}
}

int logopt_ship(const struct service *svc, const struct log_who *who, struct log_ship *ret, struct err *err)
{
	const struct driver *d = driver_of(svc->log_driver);
	const char *tag = option(svc, "tag"), *facility = option(svc, "syslog-facility"), *format = option(svc, "syslog-format");

	*ret = (struct log_ship){ .facility = 3 };
	if (!d || d->to == SHIP_NOWHERE)
		return 0;
	ret->to = d->to;
	ret->tag = log_tag(tag && *tag ? tag : "{{.ID}}", who, err);
	if (!ret->tag)
		return -1;
	if (d->to == SHIP_JOURNALD)
		add_fields(svc, who, ret);
	ret->address = xstrdup(option(svc, "syslog-address"));
	if (facility)
		facility_of(facility, &ret->facility);
	if (format)
		ret->format = (enum syslog_format)format_of(format);
	return 0;
}

/* ------------------------------------------------------------------ the launch record */

void log_ship_done(struct log_ship *s)
{
	free(s->tag);
	free(s->address);
	strs_done(&s->fields);
	*s = (struct log_ship){ 0 };
}

json_t *log_ship_to_json(const struct log_ship *s)
{
	json_t *o, *fields;

	if (s->to == SHIP_NOWHERE)
		return NULL;
	o = json_object();
	fields = json_array();
	jx_set_str(o, "to", s->to == SHIP_JOURNALD ? "journald" : "syslog");
	jx_set_str(o, "tag", s->tag);
	jx_set_str(o, "address", s->address);
	jx_set_int(o, "facility", s->facility);
	jx_set_str(o, "format", formats[s->format]);
	for (size_t i = 0; i < s->fields.n; i++)
		json_array_append_new(fields, json_string(s->fields.v[i]));
	json_object_set_new(o, "fields", fields);
	return o;
}

void log_ship_from_json(const json_t *j, struct log_ship *ret)
{
	const struct driver *d = jx_str(j, "to") ? driver_of(jx_str(j, "to")) : NULL;
	const char *format = jx_str(j, "format");
	int f = format ? format_of(format) : -1;
	const json_t *v;
	size_t i;

	*ret = (struct log_ship){ 0 };
	if (!d)
		return;
	ret->to = d->to;
	ret->tag = xstrdup(jx_str(j, "tag") ? jx_str(j, "tag") : "");
	ret->address = xstrdup(jx_str(j, "address"));
	ret->facility = (unsigned)jx_int(j, "facility", 3) % ARRAY_LEN(facilities);
	ret->format = f < 0 ? SYSLOG_UNIX : (enum syslog_format)f;
	json_array_foreach(jx_arr(j, "fields"), i, v)
		if (json_is_string(v))
			strs_add(&ret->fields, json_string_value(v));
}
