/* dev_rules.h - the rules of develop.watch of the services that a command is about. */
#pragma once

#include "../watch/rule.h"
#include "cli.h"

struct dev_rule {
	struct rule rule;
	const struct watch_rule *said;       /* borrowed from the model */
	const struct service *service;
};
struct dev_rules {
	struct dev_rule *v;
	size_t n, cap;
};
/* scope: one flag for each of project.services. What cannot be is an error with its place (cli.err_pos); what a bind mount has in the container
 * already is left out with a warning. ERR_INPUT when there is none. */
int dev_rules(struct cli *c, const bool *scope, struct dev_rules *ret, struct err *err);
void dev_rules_done(struct dev_rules *l);
bool dev_syncs(const struct dev_rule *r);
