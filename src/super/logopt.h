/* logopt.h - `logging:` of a service: which drivers and options there are, and what they come to for one container.
 *
 * Every container's output is kept in its log, whatever the driver (but `none`), so that `davit logs` shows it; journald and syslog get
 * it from there (ship.h). */
#pragma once

#include <jansson.h>

#include "../../compose/model.h"
#include "../util/err.h"
#include "../util/str.h"

enum ship_to { SHIP_NOWHERE, SHIP_JOURNALD, SHIP_SYSLOG };
enum syslog_format { SYSLOG_UNIX, SYSLOG_RFC3164, SYSLOG_RFC5424, SYSLOG_RFC5424MICRO };

/* Where a container's output is sent on; part of its launch record. */
struct log_ship {
	enum ship_to to;
	char *tag;                       /* expanded */
	struct strs fields;              /* journald: "KEY=value" of the labels and variables asked for */
	char *address;                   /* syslog: "udp://host:514" as the user wrote it, NULL: the machine's own */
	unsigned facility;               /* 0 to 23 */
	enum syslog_format format;
};
void log_ship_done(struct log_ship *s);
json_t *log_ship_to_json(const struct log_ship *s);              /* NULL when it goes nowhere */
void log_ship_from_json(const json_t *j, struct log_ship *ret);  /* j may be NULL */

/* What the file says, looked at before anything is made. A driver of docker's that davit does not have is none of the mistakes (a plugin is
 * known by its '/' or ':'); of such a driver no option is known, so each is right. */
int logopt_check_driver(const struct service *svc, struct err *err);
/* The i-th of log_options. 0; LOGOPT_UNKNOWN: the driver has no such option, -1: its value is wrong, both with *err set. */
enum { LOGOPT_UNKNOWN = 1 };
int logopt_check_option(const struct service *svc, size_t i, struct err *err);
/* Whether the driver is one of ours; NULL is. */
bool logopt_known_driver(const char *driver);
/* What is accepted without effect, NULL: nothing of the kind. */
const char *logopt_without_effect(const struct service *svc);

/* Who the container is, for tags and fields. */
struct log_who {
	const char *id, *name, *image, *image_id;
	const json_t *labels;            /* object or NULL */
	const struct strs *env;          /* "KEY=value" */
};
/* For a service that the checks above had nothing against. */
int logopt_ship(const struct service *svc, const struct log_who *who, struct log_ship *ret, struct err *err);
