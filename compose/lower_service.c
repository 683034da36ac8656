/* lower_service.c - one service. Where `deploy` and an attribute of the service say the same, check saw to it
 * that they agree. */
#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "lower.h"

/* ------------------------------------------------------------------ limits */

static void low_limits(struct limits *m, struct lower *l, const struct node *n)
{
	const struct node *resources = tree_map(tree_map(n, "deploy"), "resources");
	const struct node *limits = tree_map(resources, "limits"),
			  *reserved = tree_map(resources, "reservations");

	m->mem_bytes = low_bytes(n, "mem_limit", low_bytes(limits, "memory", 0));
	m->mem_reservation_bytes = low_bytes(n, "mem_reservation", low_bytes(reserved, "memory", 0));
	m->memswap_bytes = low_bytes(n, "memswap_limit", 0);
	m->mem_swappiness = low_bytes(n, "mem_swappiness", -1);
	m->cpus = low_num(n, "cpus", low_num(limits, "cpus", 0));
	m->cpu_shares = low_int(n, "cpu_shares", 0);
	m->cpu_quota_us = low_int(n, "cpu_quota", 0);
	m->cpu_period_us = low_int(n, "cpu_period", 0);
	m->cpu_rt_runtime_us = low_int(n, "cpu_rt_runtime", 0);
	m->cpu_rt_period_us = low_int(n, "cpu_rt_period", 0);
	m->cpuset = low_str(l, n, "cpuset");
	m->pids = low_int(n, "pids_limit", low_int(limits, "pids", 0));
	m->shm_bytes = low_bytes(n, "shm_size", 0);
	m->oom_kill_disable = tree_true(n, "oom_kill_disable");
	m->oom_score_adj_set = node_get(n, "oom_score_adj") != NULL;
	m->oom_score_adj = low_int(n, "oom_score_adj", 0);
}

/* ------------------------------------------------------------------ restart */

/* The reference prints such a file and fails when it comes to act on it; so it is no error before that either. Who is about to
 * run the project is told then. */
static void restart_error(struct lower *l, struct service *svc, const struct node *n, const char *key, const char *place)
{
	static const char *const words[] = { "no", "always", "on-failure", "unless-stopped", NULL };
	const char *near;

	svc->restart_unknown = arena_strdup(l->a, n->text);
	svc->restart_place = place;
	if (l->s->effects == EFFECTS_WARNED)
		return;
	diag_warn(l->s->d, n->pos,
		"'%s' is no restart policy (no, always, on-failure[:N], unless-stopped); 'no' is used",
		n->text);
	diag_where(l->s->d, arena_printf(l->a, "services.%s.%s", svc->name, key), n->origin, n->span);
	near = str_nearest(n->text, words);
	if (near)
		diag_hint(l->s->d, "did you mean '%s'?", near);
}

static void low_restart(struct lower *l, struct service *svc, const struct node *n)
{
	const struct node *restart = tree_str_node(n, "restart");
	const char *colon = restart ? strchr(restart->text, ':') : NULL;
	struct restart_policy *r = &svc->restart;

	if (!restart || STREQ(restart->text, "no") || !*restart->text)
		return;
	if (STREQ(restart->text, "always"))
		r->kind = RESTART_ALWAYS;
	else if (STREQ(restart->text, "unless-stopped"))
		r->kind = RESTART_UNLESS_STOPPED;
	else if (STREQ(restart->text, "on-failure") ||
		 (str_starts(restart->text, "on-failure:") && str_i64(colon + 1, &r->max_attempts) == 0 &&
			 r->max_attempts >= 0))
		r->kind = RESTART_ON_FAILURE;
	else
		restart_error(l, svc, restart, "restart", "restart");
}

/* deploy.restart_policy wins over `restart`; what it does not say about the condition, `restart` says. */
static void low_deploy_restart(struct lower *l, struct service *svc, const struct node *n)
{
	const struct node *policy = tree_map(tree_map(n, "deploy"), "restart_policy");
	const struct node *condition = tree_str_node(policy, "condition");

	svc->restart.delay_ns = low_ns(policy, "delay", -1);
	svc->restart.window_ns = low_ns(policy, "window", -1);
	if (!policy)
		return;
	if (node_get(policy, "max_attempts"))
		svc->restart.max_attempts = low_int(policy, "max_attempts", 0);
	if (!condition && tree_str(n, "restart"))
		return;
	svc->restart.kind = RESTART_NO;
	svc->restart_unknown = NULL;
	if (!condition || STREQ(condition->text, "any") || STREQ(condition->text, "always"))
		svc->restart.kind = RESTART_ALWAYS;
	else if (STREQ(condition->text, "on-failure"))
		svc->restart.kind = RESTART_ON_FAILURE;
	else if (STREQ(condition->text, "unless-stopped"))
		svc->restart.kind = RESTART_UNLESS_STOPPED;
	else if (!STREQ(condition->text, "none") && !STREQ(condition->text, "no"))
		restart_error(l, svc, condition, "deploy.restart_policy.condition",
			"deploy/restart_policy/condition");
}

/* ------------------------------------------------------------------ health check */

static void low_healthcheck(struct lower *l, struct service *svc, const struct node *n)
{
	const struct node *check = tree_map(n, "healthcheck");
	struct healthcheck *h = &svc->healthcheck;

	h->given = check != NULL;
	h->test = low_strv(l, check, "test");
	h->disable = tree_true(check, "disable") || (h->test.n && STREQ(h->test.v[0], "NONE"));
	h->interval_ns = low_ns(check, "interval", -1);
	h->timeout_ns = low_ns(check, "timeout", -1);
	h->start_period_ns = low_ns(check, "start_period", -1);
	h->start_interval_ns = low_ns(check, "start_interval", -1);
	h->retries = low_int(check, "retries", -1);
	svc->healthcheck_pos = low_pos(n, "healthcheck");
}

/* ------------------------------------------------------------------ the rest is one line each */

static void low_texts(struct lower *l, struct service *svc, const struct node *n)
{
	struct {
		const char *key;
		char **field;
	} texts[] = {
		{ "image", &svc->image },
		{ "platform", &svc->platform },
		{ "pull_policy", &svc->pull_policy },
		{ "container_name", &svc->container_name },
		{ "user", &svc->user },
		{ "working_dir", &svc->working_dir },
		{ "hostname", &svc->hostname },
		{ "domainname", &svc->domainname },
		{ "network_mode", &svc->network_mode },
		{ "mac_address", &svc->mac_address },
		{ "pid", &svc->pid },
		{ "ipc", &svc->ipc },
		{ "uts", &svc->uts },
		{ "cgroup", &svc->cgroup },
		{ "cgroup_parent", &svc->cgroup_parent },
		{ "userns_mode", &svc->userns_mode },
		{ "runtime", &svc->runtime },
		{ "stop_signal", &svc->stop_signal },
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i].field = low_str(l, n, texts[i].key);
}

static void low_word_lists(struct lower *l, struct service *svc, const struct node *n)
{
	struct {
		const char *key;
		struct strv *field;
	} lists[] = {
		{ "command", &svc->command },
		{ "entrypoint", &svc->entrypoint },
		{ "cap_add", &svc->cap_add },
		{ "cap_drop", &svc->cap_drop },
		{ "security_opt", &svc->security_opt },
		{ "group_add", &svc->group_add },
		{ "expose", &svc->expose },
		{ "tmpfs", &svc->tmpfs },
		{ "dns", &svc->dns },
		{ "dns_search", &svc->dns_search },
		{ "dns_opt", &svc->dns_opt },
		{ "volumes_from", &svc->volumes_from },
		{ "links", &svc->links },
		{ "external_links", &svc->external_links },
		{ "device_cgroup_rules", &svc->device_cgroup_rules },
		{ "profiles", &svc->profiles },
	};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		*lists[i].field = low_strv(l, n, lists[i].key);
}

static unsigned replicas(const struct node *n)
{
	int64_t v = low_int(n, "scale", low_int(tree_map(n, "deploy"), "replicas", 1));

	return v < 0 ? 0 : v > 10000 ? 10000 : (unsigned)v;
}

void low_service(struct lower *l, struct service *svc, const struct node_pair *p)
{
	const struct node *n = p->value, *logging = tree_map(n, "logging");

	svc->name = arena_strdup(l->a, p->key);
	svc->pos = p->key_pos;
	svc->image_pos = low_pos(n, "image");
	svc->command_pos = low_pos(n, "command");
	svc->entrypoint_pos = low_pos(n, "entrypoint");
	low_texts(l, svc, n);
	low_word_lists(l, svc, n);
	svc->environment = low_kvs(l, n, "environment");
	svc->labels = low_kvs(l, n, "labels");
	svc->annotations = low_kvs(l, n, "annotations");
	svc->sysctls = low_kvs(l, n, "sysctls");
	svc->init = low_tri(n, "init");
	svc->privileged = tree_true(n, "privileged");
	svc->read_only = tree_true(n, "read_only");
	svc->tty = tree_true(n, "tty");
	svc->stdin_open = tree_true(n, "stdin_open");
	svc->attach = low_tri(n, "attach") != TRI_NO;
	svc->stop_grace_ns = low_ns(n, "stop_grace_period", -1);
	svc->log_driver = low_str(l, logging, "driver");
	svc->log_options = low_kvs(l, logging, "options");
	svc->replicas = replicas(n);
	low_limits(&svc->limits, l, n);
	low_restart(l, svc, n);
	low_deploy_restart(l, svc, n);
	low_updates(svc, n);
	low_healthcheck(l, svc, n);
	low_x_davit(l, svc, n);
	low_build(l, svc, n);
	low_ports(l, svc, n);
	low_mounts(l, svc, n);
	low_networks(l, svc, n);
	low_dependencies(l, svc, n);
	low_hosts(l, &svc->extra_hosts, &svc->n_extra_hosts, n);
	low_devices(l, svc, n);
	low_ulimits(l, &svc->ulimits, &svc->n_ulimits, n);
	low_file_refs(l, &svc->configs, &svc->n_configs, n, "configs");
	low_file_refs(l, &svc->secrets, &svc->n_secrets, n, "secrets");
	low_hooks(l, &svc->pre_start, &svc->n_pre_start, n, "pre_start");
	low_hooks(l, &svc->post_start, &svc->n_post_start, n, "post_start");
	low_hooks(l, &svc->pre_stop, &svc->n_pre_stop, n, "pre_stop");
	low_watch(l, svc, n);
}
