/* logtag.h - the option `tag`: "{{.Name}}/{{.ID}}", as docker's templates read. */
#pragma once

#include "../util/err.h"

struct log_who;
/* malloc'ed; NULL with *err naming what is not known. */
char *log_tag(const char *text, const struct log_who *who, struct err *err);
