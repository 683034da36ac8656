/* answers.h - within src/reg: what credential helpers have answered, so that each is asked once for a server, however many images come from
 * there: a helper may take long, ask a person each time, or hang until its deadline. */
#pragma once

#include "creds.h"

struct reg_answers;
struct reg_answers *answers_new(void);
void answers_free(struct reg_answers *a); /* NULL is fine; wipes what is secret */
/* As helper_get() (helper.h), an error included. a NULL: nothing is kept. */
int answers_get(struct reg_answers *a, const char *helper, const char *server, int timeout_ms, struct reg_creds *ret, struct err *err);
