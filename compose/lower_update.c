/* lower_update.c - deploy.update_config and rollback_config: how the containers of a service are replaced. Absent values are those of the
 * Compose specification (deploy.md, "update_config"): one at a time, no pause, paused by a failure, stop-first. */
#include <string.h>

#include "../src/util/str.h"
#include "lower.h"

static enum failure_action action_of(const struct node *n)
{
	const struct node *action = tree_str_node(n, "failure_action");

	if (action && STREQ(action->text, "continue"))
		return FAILURE_CONTINUE;
	return action && STREQ(action->text, "rollback") ? FAILURE_ROLLBACK : FAILURE_PAUSE;
}

static void low_config(struct update_config *u, const struct node *n)
{
	const struct node *order = tree_str_node(n, "order");
	int64_t at_once = low_int(n, "parallelism", 1);

	u->given = n != NULL;
	u->parallelism = at_once <= 0 || at_once > 10000 ? 0 : (unsigned)at_once;
	u->delay_ns = low_ns(n, "delay", 0);
	u->monitor_ns = low_ns(n, "monitor", -1);
	u->max_failure_ratio = low_num(n, "max_failure_ratio", 0);
	u->start_first = order && STREQ(order->text, "start-first");
	u->action = action_of(n);
}

void low_updates(struct service *svc, const struct node *n)
{
	const struct node *deploy = tree_map(n, "deploy");

	low_config(&svc->update, tree_map(deploy, "update_config"));
	low_config(&svc->rollback, tree_map(deploy, "rollback_config"));
}
