/* lower_test - what a service means, field by field. */
#include "fx_model.h"

#include "../../../compose/project.h"

static const char *joined(struct fx *fx, struct strv v)
{
	char *out = arena_strdup(fx->a, "");

	for (size_t i = 0; i < v.n; i++)
		out = arena_printf(fx->a, "%s%s%s", out, i ? "|" : "", v.v[i]);
	return out;
}

static const char *pairs(struct fx *fx, struct kvs v)
{
	char *out = arena_strdup(fx->a, "");

	for (size_t i = 0; i < v.n; i++)
		out = arena_printf(fx->a, "%s%s%s%s%s", out, i ? "|" : "", v.v[i].key,
			v.v[i].value ? "=" : "", v.v[i].value ? v.v[i].value : "");
	return out;
}

/* The only service of a file that holds these lines of it. */
static const struct service *only(struct fx *fx, const char *lines)
{
	struct project *p =
		fx_model(fx, arena_printf(fx->a, "services:\n  a:\n    image: demo/a:1\n%s", lines));

	assert_int_equal(p->n_services, 1);
	return &p->services[0];
}

static void test_defaults(void **state)
{
	struct fx *fx = *state;
	const struct service *s = only(fx, "");

	assert_string_equal(s->image, "demo/a:1");
	assert_int_equal(s->image_pos.line, 3);
	assert_int_equal(s->image_pos.col, 12);
	assert_false(s->command.set);
	assert_false(s->entrypoint.set);
	assert_int_equal(s->init, TRI_UNSET);
	assert_true(s->attach);
	assert_int_equal(s->replicas, 1);
	assert_int_equal(s->stop_grace_ns, -1);
	assert_false(s->healthcheck.given);
	assert_int_equal(s->restart.kind, RESTART_NO);
	assert_int_equal(s->restart.delay_ns, -1);
	assert_int_equal(s->limits.mem_swappiness, -1);
	assert_null(s->network_mode);
	assert_int_equal(s->n_networks, 1);
	assert_string_equal(s->networks[0].network, "default");
	assert_int_equal(strlen(s->config_hash), 64);
}

static void test_commands(void **state)
{
	struct fx *fx = *state;
	const struct service *s = only(fx, "    command: sh -c \"a b\"\n    entrypoint: []\n");

	assert_string_equal(joined(fx, s->command), "sh|-c|a b");
	assert_true(s->entrypoint.set);
	assert_int_equal(s->entrypoint.n, 0);
	assert_int_equal(s->command_pos.line, 4);
}

static void test_maps(void **state)
{
	struct fx *fx = *state;
	const struct service *s =
		only(fx, "    environment: [B=2, A=1=1, C]\n    labels: {n: 0755, t: true, f: 1.10}\n"
			 "    sysctls: [net.a=1]\n");

	assert_string_equal(pairs(fx, s->environment), "A=1=1|B=2|C");
	assert_string_equal(pairs(fx, s->labels), "f=1.1|n=493|t=true");
	assert_string_equal(pairs(fx, s->sysctls), "net.a=1");
}

static void test_ports(void **state)
{
	struct fx *fx = *state;
	const struct service *s = only(fx,
		"    ports: ['8080-8081:80-81', '7000-7009:70', 90, '0:91', {target: 53, protocol: udp}]\n");

	assert_int_equal(s->n_ports, 6);
	assert_int_equal(s->ports[1].target, 81);
	assert_int_equal(s->ports[1].published_min, 8081);
	assert_int_equal(s->ports[2].published_min, 7000);
	assert_int_equal(s->ports[2].published_max, 7009);
	assert_false(s->ports[3].published);
	assert_true(s->ports[4].published);
	assert_int_equal(s->ports[4].published_max, 0);
	assert_string_equal(s->ports[5].protocol, "udp");
	assert_string_equal(s->ports[5].mode, "ingress");
	assert_int_equal(s->ports[1].pos.col, 13);
}

static void test_mounts(void **state)
{
	struct fx *fx = *state;
	const struct service *s =
		only(fx, "    volumes:\n      - /x:/a:ro,z\n      - /anon\n"
			 "      - {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 01777}}\n"
			 "      - {type: bind, source: /y, target: /b, bind: {propagation: rslave, "
			 "recursive: disabled}}\n"
			 "      - {type: image, source: demo/i:1, target: /i, image: {subpath: www}}\n");

	assert_int_equal(s->n_mounts, 5);
	assert_int_equal(s->mounts[0].type, MOUNT_BIND);
	assert_true(s->mounts[0].read_only && s->mounts[0].create_host_path);
	assert_string_equal(s->mounts[0].selinux, "z");
	assert_int_equal(s->mounts[1].type, MOUNT_VOLUME);
	assert_null(s->mounts[1].source);
	assert_int_equal(s->mounts[2].tmpfs_bytes, 1 << 20);
	assert_int_equal(s->mounts[2].tmpfs_mode, 01777);
	assert_string_equal(s->mounts[3].propagation, "rslave");
	assert_true(s->mounts[3].recursive_disabled);
	assert_false(s->mounts[3].create_host_path);
	assert_int_equal(s->mounts[3].tmpfs_bytes, -1);
	assert_string_equal(s->mounts[4].subpath, "www");
}

static void test_healthcheck(void **state)
{
	struct fx *fx = *state;
	const struct healthcheck *h = &only(
		fx, "    healthcheck: {test: curl -f x, interval: 1m30s, retries: '5', start_period: 0s}\n")
					       ->healthcheck;

	assert_true(h->given && !h->disable);
	assert_string_equal(joined(fx, h->test), "CMD-SHELL|curl -f x");
	assert_int_equal(h->interval_ns, 90 * 1000000000LL);
	assert_int_equal(h->start_period_ns, 0);
	assert_int_equal(h->timeout_ns, -1);
	assert_int_equal(h->retries, 5);
	assert_true(only(fx, "    healthcheck: {test: [NONE]}\n")->healthcheck.disable);
	assert_true(only(fx, "    healthcheck: {disable: true}\n")->healthcheck.disable);
}

static void test_x_davit(void **state)
{
	struct fx *fx = *state;
	const struct service *svc = only(fx, "    x-davit: {probe: {http: ':8080/healthz?a=1'}, on_unhealthy: restart}\n");
	const struct probe *p = &svc->probe;

	assert_int_equal(p->kind, PROBE_HTTP);
	assert_int_equal(p->port, 8080);
	assert_string_equal(p->path, "/healthz?a=1");
	assert_string_equal(p->host, "localhost:8080");
	assert_int_equal(p->status_min, 200);
	assert_int_equal(p->status_max, 399);
	assert_int_equal(svc->on_unhealthy, UNHEALTHY_RESTART);
	p = &only(fx, "    x-davit: {probe: {http: 'http://example.org'}}\n")->probe;
	assert_int_equal(p->port, 80);
	assert_string_equal(p->path, "/");
	assert_string_equal(p->host, "example.org");
	p = &only(fx, "    x-davit: {probe: {http: {port: 81, status: 204}}}\n")->probe;
	assert_string_equal(p->host, "localhost:81");
	assert_int_equal(p->status_min, 204);
	assert_int_equal(p->status_max, 204);
	svc = only(fx, "    x-davit: {probe: {tcp: ':5432'}, on_unhealthy: stop}\n");
	assert_int_equal(svc->probe.kind, PROBE_TCP);
	assert_int_equal(svc->probe.port, 5432);
	assert_null(svc->probe.path);
	assert_int_equal(svc->on_unhealthy, UNHEALTHY_STOP);
	svc = only(fx, "    x-davit: {on_unhealthy: none}\n");
	assert_int_equal(svc->probe.kind, PROBE_NONE);
	assert_int_equal(svc->on_unhealthy, UNHEALTHY_NONE);
}

static void test_restart(void **state)
{
	struct fx *fx = *state;
	struct restart_policy r = only(fx, "    restart: on-failure:3\n")->restart;

	assert_int_equal(r.kind, RESTART_ON_FAILURE);
	assert_int_equal(r.max_attempts, 3);
	assert_int_equal(only(fx, "    restart: unless-stopped\n")->restart.kind, RESTART_UNLESS_STOPPED);
	assert_int_equal(only(fx, "    restart: 'no'\n")->restart.kind, RESTART_NO);
	r = only(fx, "    deploy: {restart_policy: {condition: on-failure, delay: 5s, max_attempts: 2, "
		     "window: 1m}}\n")
		    ->restart;
	assert_int_equal(r.kind, RESTART_ON_FAILURE);
	assert_int_equal(r.max_attempts, 2);
	assert_int_equal(r.delay_ns, 5000000000LL);
	assert_int_equal(r.window_ns, 60000000000LL);
	r = only(fx, "    deploy: {restart_policy: {}}\n")->restart;
	assert_int_equal(r.kind, RESTART_ALWAYS);
	/* deploy.restart_policy wins, as far as it says something */
	r = only(fx, "    restart: always\n    deploy: {restart_policy: {condition: none}}\n")->restart;
	assert_int_equal(r.kind, RESTART_NO);
	r = only(fx, "    restart: on-failure:4\n    deploy: {restart_policy: {delay: 2s}}\n")->restart;
	assert_int_equal(r.kind, RESTART_ON_FAILURE);
	assert_int_equal(r.max_attempts, 4);
	assert_int_equal(r.delay_ns, 2000000000LL);
	assert_false(diag_failed(&fx->d));
	only(fx, "    restart: sometimes\n");
	fx_problem(fx, DIAG_WARNING, "'sometimes' is no restart policy");
}

static void test_limits(void **state)
{
	struct fx *fx = *state;
	struct limits m = only(fx, "    deploy: {replicas: 3, resources: {limits: {cpus: '0.5', memory: 50M, "
				   "pids: 7}, reservations: {memory: 20M}}}\n"
				   "    memswap_limit: -1\n    shm_size: 1g\n    oom_score_adj: 0\n")
				  ->limits;

	assert_int_equal(m.mem_bytes, 50 << 20);
	assert_int_equal(m.mem_reservation_bytes, 20 << 20);
	assert_int_equal(m.memswap_bytes, -1);
	assert_true(m.cpus == 0.5);
	assert_int_equal(m.pids, 7);
	assert_int_equal(m.shm_bytes, 1 << 30);
	assert_true(m.oom_score_adj_set);
	m = only(fx, "    mem_limit: 1g\n    cpus: 2\n    pids_limit: -1\n    cpuset: 0,1\n")->limits;
	assert_int_equal(m.mem_bytes, 1 << 30);
	assert_true(m.cpus == 2);
	assert_int_equal(m.pids, -1);
	assert_string_equal(m.cpuset, "0,1");
	assert_false(m.oom_score_adj_set);
	assert_int_equal(only(fx, "    scale: 0\n")->replicas, 0);
	assert_int_equal(only(fx, "    deploy: {replicas: 3}\n")->replicas, 3);
}

static void test_lists(void **state)
{
	struct fx *fx = *state;
	const struct service *s =
		only(fx, "    extra_hosts: ['b:2.2.2.2', 'a=[::1]', 'h:host-gateway']\n    devices: "
			 "['/dev/a:/dev/b:r']\n"
			 "    ulimits: {nproc: 5, core: 0, nofile: {soft: 1, hard: 2}}\n    cap_add: [A, B, "
			 "A]\n    dns: 1.1.1.1\n    logging: {driver: x, options: {n: 3}}\n"
			 "    expose: [80, '90']\n    group_add: [1000, mail]\n");

	assert_int_equal(s->n_extra_hosts, 3);
	assert_string_equal(s->extra_hosts[1].host, "a");
	assert_string_equal(s->extra_hosts[1].ip, "::1");
	assert_string_equal(s->devices[0].permissions, "r");
	assert_int_equal(s->n_ulimits, 3);
	assert_string_equal(s->ulimits[0].name, "core");
	assert_int_equal(s->ulimits[0].hard, 0);
	assert_int_equal(s->ulimits[1].hard, 2);
	assert_string_equal(joined(fx, s->cap_add), "A|B");
	assert_string_equal(joined(fx, s->dns), "1.1.1.1");
	assert_string_equal(joined(fx, s->expose), "80|90");
	assert_string_equal(joined(fx, s->group_add), "1000|mail");
	assert_string_equal(s->log_driver, "x");
	assert_string_equal(pairs(fx, s->log_options), "n=3");
}

static void test_dependencies(void **state)
{
	struct fx *fx = *state;
	struct project *p = fx_model(fx, "services:\n  a: {image: i, depends_on: {c: {condition: "
					 "service_healthy, required: false}}, links: ['b:x'],\n"
					 "      network_mode: 'service:d', volumes_from: ['e:ro']}\n  b: "
					 "{image: i}\n  c: {image: i}\n  d: {image: i}\n  e: {image: i}\n");
	const struct service *s = &p->services[0];

	assert_int_equal(s->n_depends_on, 4);
	assert_string_equal(s->depends_on[0].service, "b");
	assert_true(s->depends_on[0].restart && s->depends_on[0].required);
	assert_int_equal(s->depends_on[1].condition, DEP_HEALTHY);
	assert_false(s->depends_on[1].required);
	assert_true(s->depends_on[2].restart);
	assert_false(s->depends_on[3].restart);
	assert_string_equal(s->network_mode, "service:d");
	assert_int_equal(s->n_networks, 0);
	assert_int_equal(p->n_networks, 1);
}

static void test_networks(void **state)
{
	struct fx *fx = *state;
	struct project *p = fx_model(fx, "services:\n  a: {image: i, networks: {low: , high: {priority: 10, "
					 "aliases: [x], ipv4_address: 10.0.0.5}}}\n"
					 "networks:\n  low: {external: true, name: other}\n  high: "
					 "{internal: true, enable_ipv6: false,\n"
					 "    ipam: {config: [{subnet: 10.0.0.0/8, gateway: 10.0.0.1, "
					 "aux_addresses: {h: 10.0.0.9}}]}}\n");
	const struct service *s = &p->services[0];

	assert_string_equal(s->networks[0].network, "high");
	assert_string_equal(joined(fx, s->networks[0].aliases), "x");
	assert_string_equal(s->networks[0].ipv4_address, "10.0.0.5");
	assert_string_equal(s->networks[1].network, "low");
	assert_string_equal(project_network(p, "high")->name, "demo_high");
	assert_true(project_network(p, "high")->internal);
	assert_int_equal(project_network(p, "high")->enable_ipv6, TRI_NO);
	assert_int_equal(project_network(p, "high")->enable_ipv4, TRI_UNSET);
	assert_string_equal(project_network(p, "high")->ipam[0].gateway, "10.0.0.1");
	assert_string_equal(pairs(fx, project_network(p, "high")->ipam[0].aux_addresses), "h=10.0.0.9");
	assert_string_equal(project_network(p, "low")->name, "other");
	assert_true(project_network(p, "low")->external);
	assert_null(project_network(p, "none"));
}

static void test_files(void **state)
{
	struct fx *fx = *state;
	struct project *p = fx_model(fx, "services:\n  a:\n    image: i\n    configs: [c, {source: d, "
					 "target: /d, mode: 0440, uid: '5'}]\n    secrets: [s]\n"
					 "configs: {c: {content: text}, d: {file: /d}}\nsecrets: {s: "
					 "{environment: TOKEN, name: real}}\n");
	const struct service *s = &p->services[0];

	assert_null(s->configs[0].target);
	assert_int_equal(s->configs[0].mode, -1);
	assert_int_equal(s->configs[1].mode, 0440);
	assert_string_equal(s->configs[1].uid, "5");
	assert_string_equal(s->secrets[0].target, "/run/secrets/s");
	assert_string_equal(p->configs[0].content, "text");
	assert_string_equal(p->configs[1].file, "/d");
	assert_string_equal(p->secrets[0].name, "real");
	assert_string_equal(p->secrets[0].environment, "TOKEN");
}

static void test_hooks(void **state)
{
	struct fx *fx = *state;
	const struct service *s = only(fx,
		"    pre_start:\n"
		"      - {image: demo/tool:1, per_replica: true}\n"
		"      - {command: migrate --all, user: root, working_dir: /w, environment: {B: 2, A: 1}, privileged: true}\n"
		"    post_start: [{command: [a, 'b c']}]\n"
		"    pre_stop: [{command: x}, {command: y}]\n");

	assert_int_equal(s->n_pre_start, 2);
	assert_string_equal(s->pre_start[0].image, "demo/tool:1");
	assert_true(s->pre_start[0].per_replica);
	assert_false(s->pre_start[0].command.set);
	assert_int_equal(s->pre_start[1].pos.line, 6);
	assert_null(s->pre_start[1].image);
	assert_false(s->pre_start[1].per_replica);
	assert_string_equal(joined(fx, s->pre_start[1].command), "migrate|--all");
	assert_string_equal(s->pre_start[1].user, "root");
	assert_string_equal(s->pre_start[1].working_dir, "/w");
	assert_string_equal(pairs(fx, s->pre_start[1].environment), "A=1|B=2");
	assert_true(s->pre_start[1].privileged);
	assert_int_equal(s->n_post_start, 1);
	assert_string_equal(joined(fx, s->post_start[0].command), "a|b c");
	assert_null(s->post_start[0].user);
	assert_false(s->post_start[0].privileged);
	assert_int_equal(s->n_pre_stop, 2);
	assert_string_equal(joined(fx, s->pre_stop[1].command), "y");
	s = only(fx, "");
	assert_int_equal(s->n_pre_start + s->n_post_start + s->n_pre_stop, 0);
}

/* As the reference has it: a changed hook makes a new container. */
static void test_hash_of_hooks(void **state)
{
	struct fx *fx = *state;
	const char *base = only(fx, "")->config_hash, *kinds[] = { "pre_start", "post_start", "pre_stop" };

	for (size_t i = 0; i < 3; i++) {
		const char *with = only(fx, arena_printf(fx->a, "    %s: [{command: a}]\n", kinds[i]))->config_hash;
		const char *other = only(fx, arena_printf(fx->a, "    %s: [{command: b}]\n", kinds[i]))->config_hash;

		assert_string_not_equal(with, base);
		assert_string_not_equal(other, with);
	}
}

static void test_hash(void **state)
{
	struct fx *fx = *state;
	const char *base = only(fx, "    command: [a]\n    environment: [A=1, B=2]\n")->config_hash;

	/* the same in other words, and what does not matter */
	assert_string_equal(only(fx, "    environment: {B: 2, A: 1}\n    command: a\n")->config_hash, base);
	assert_string_equal(only(fx, "    command: [a]\n    environment: [A=1, B=2]\n    scale: 3\n    "
				     "restart: always\n    x-note: 1\n"
				     "    deploy: {replicas: 3, update_config: {parallelism: 1}}\n    "
				     "profiles: []\n    pull_policy: always\n    attach: false\n")
				    ->config_hash,
		base);
	/* what does */
	assert_string_not_equal(
		only(fx, "    command: [b]\n    environment: [A=1, B=2]\n")->config_hash, base);
	assert_string_not_equal(only(fx, "    command: [a]\n    environment: [A=1, B=2]\n    deploy: "
					 "{resources: {limits: {memory: 1g}}}\n")
					->config_hash,
		base);
	assert_string_not_equal(
		only(fx,
			"    command: [a]\n    environment: [A=1, B=2]\nnetworks: {default: {name: other}}\n")
			->config_hash,
		base);
}

/* What is not said changes nothing, so that containers made before x-davit was known are not made again. */
static void test_hash_of_x_davit(void **state)
{
	struct fx *fx = *state;
	const char *base = only(fx, "")->config_hash, *tcp = only(fx, "    x-davit: {probe: {tcp: 1}}\n")->config_hash;

	assert_string_equal(only(fx, "    x-davit: {}\n")->config_hash, base);
	assert_string_equal(only(fx, "    x-davit: {on_unhealthy: none}\n")->config_hash, base);
	assert_string_not_equal(tcp, base);
	assert_string_not_equal(only(fx, "    x-davit: {probe: {tcp: 2}}\n")->config_hash, tcp);
	assert_string_not_equal(only(fx, "    x-davit: {on_unhealthy: stop}\n")->config_hash, base);
}

static void test_value_of_variable(void **state)
{
	struct fx *fx = *state;
	const char *with = "services:\n  a: {image: i, configs: [c]}\nconfigs: {c: {content: one}}\n";
	const char *other = "services:\n  a: {image: i, configs: [c]}\nconfigs: {c: {content: two}}\n";

	assert_string_not_equal(
		fx_model(fx, with)->services[0].config_hash, fx_model(fx, other)->services[0].config_hash);
}

static void test_build(void **state)
{
	struct fx *fx = *state;
	struct project *p = fx_model(fx,
		"services:\n  a:\n    build:\n      context: .\n      dockerfile: D\n      args: [X=1, Y=]\n      target: t\n"
		"      network: none\n      isolation: chroot\n      labels: {l: v}\n      tags: ['r/a:1']\n      cache_from: [c]\n"
		"      extra_hosts: {h: 10.0.0.1}\n      shm_size: 1m\n      ulimits: {nofile: {soft: 1, hard: 2}}\n"
		"      ssh: [default, k=~/.ssh/id]\n      platforms: [linux/amd64]\n      no_cache: true\n      pull: true\n"
		"      privileged: true\n      additional_contexts: {b: 'service:b'}\n"
		"  b: {image: named, build: {dockerfile_inline: FROM scratch}}\n");
	const struct build *b = &project_service(p, "a")->build, *inl = &project_service(p, "b")->build;

	assert_true(b->given && b->names_image && b->no_cache && b->pull && b->privileged);
	assert_string_equal(project_service(p, "a")->image, arena_printf(fx->a, "%s-a", p->name));
	assert_string_equal(project_service(p, "b")->image, "named");
	assert_string_equal(b->dockerfile, "D");
	assert_int_equal(b->dockerfile_pos.line, 5);
	assert_string_equal(b->args.v[0].value, "1");
	assert_string_equal(b->target, "t");
	assert_string_equal(b->network, "none");
	assert_string_equal(b->isolation, "chroot");
	assert_string_equal(b->tags.v[0], "r/a:1");
	assert_string_equal(b->cache_from.v[0], "c");
	assert_string_equal(b->extra_hosts[0].ip, "10.0.0.1");
	assert_int_equal(b->shm_bytes, 1 << 20);
	assert_int_equal(b->ulimits[0].hard, 2);
	assert_int_equal(b->ssh.n, 2);
	assert_string_equal(b->platforms.v[0], "linux/amd64");
	assert_string_equal(b->additional_contexts.v[0].value, "service:b");
	assert_false(inl->names_image);
	assert_null(inl->dockerfile);
	assert_string_equal(inl->dockerfile_inline, "FROM scratch");
}

static void test_updates(void **state)
{
	const struct service *svc = only(*state, "    deploy:\n      update_config: {parallelism: 0, delay: 2s, monitor: 1m, "
						 "order: start-first, failure_action: rollback, max_failure_ratio: 0.25}\n");

	assert_true(svc->update.given && svc->update.start_first);
	assert_int_equal(svc->update.parallelism, 0);
	assert_int_equal(svc->update.delay_ns, 2000000000);
	assert_int_equal(svc->update.monitor_ns, 60000000000);
	assert_int_equal(svc->update.action, FAILURE_ROLLBACK);
	assert_true(svc->update.max_failure_ratio > 0.24 && svc->update.max_failure_ratio < 0.26);
	assert_false(svc->rollback.given || svc->rollback.start_first);
	assert_int_equal(svc->rollback.parallelism, 1);
	assert_int_equal(svc->rollback.action, FAILURE_PAUSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(test_defaults),
		FX_TEST(test_commands),
		FX_TEST(test_maps),
		FX_TEST(test_ports),
		FX_TEST(test_mounts),
		FX_TEST(test_healthcheck),
		FX_TEST(test_x_davit),
		FX_TEST(test_restart),
		FX_TEST(test_updates),
		FX_TEST(test_limits),
		FX_TEST(test_lists),
		FX_TEST(test_dependencies),
		FX_TEST(test_networks),
		FX_TEST(test_files),
		FX_TEST(test_hooks),
		FX_TEST(test_hash_of_hooks),
		FX_TEST(test_hash),
		FX_TEST(test_hash_of_x_davit),
		FX_TEST(test_value_of_variable),
		FX_TEST(test_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
