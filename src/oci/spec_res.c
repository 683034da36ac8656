/* spec_res.c - limits of memory, processor and processes, as far as this host has what enforces them.
 *
 * A limit that cannot be enforced is a warning and not a failure, as with docker: the file is most often
 * written for another machine than the laptop it runs on. */
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "host.h"
#include "spec.h"

enum { MIN_MEMORY = 6 * 1024 * 1024 }; /* docker's: less than the runtime itself needs to start */

static bool v2(const struct spec_ctx *c)
{
	return c->host->mode == CGROUP_V2;
}

static void no_controller(const struct spec_ctx *c, const char *what, const char *controller)
{
	spec_warn(c, "%s is not enforced: this host has no %s controller for containers", what, controller);
}

/* davit/ exists by now (cgroup_prepare); if it does not, the usual is assumed. */
static bool can_limit_swap(const struct spec_ctx *c)
{
	if (!v2(c))
		return access(CGROUP_ROOT "/memory/memory.memsw.limit_in_bytes", F_OK) == 0;
	return access(CGROUP_ROOT "/davit/memory.max", F_OK) != 0 ||
	       access(CGROUP_ROOT "/davit/memory.swap.max", F_OK) == 0;
}

static int check_memory(const struct oci_limits *l, struct err *err)
{
	long long mem = l->mem_bytes, reserve = l->mem_reservation_bytes, both = l->memswap_bytes;
	if (mem > 0 && mem < MIN_MEMORY)
		return err_set(err, ERR_INPUT, "mem_limit %lld is too small (at least 6 MiB)", mem);
	if (mem > 0 && reserve > mem)
		return err_set(err, ERR_INPUT, "mem_reservation %lld is above mem_limit %lld", reserve, mem);
	if (both > 0 && mem <= 0)
		return err_set(err, ERR_INPUT, "memswap_limit needs mem_limit: it is the sum of both");
	if (both > 0 && both < mem)
		return err_set(err, ERR_INPUT,
			"memswap_limit %lld is below mem_limit %lld (it is the sum of memory and swap)", both,
			mem);
	return 0;
}

static void set_swap(const struct spec_ctx *c, const struct oci_limits *l, json_t *m)
{
	if (l->mem_bytes <= 0 && l->memswap_bytes == 0)
		return;
	if (can_limit_swap(c))
		/* docker's default: as much swap as memory */
		jx_set_int(m, "swap", l->memswap_bytes != 0 ? l->memswap_bytes : 2 * l->mem_bytes);
	else if (l->memswap_bytes != 0)
		spec_warn(c, "memswap_limit is not enforced: this kernel does not account swap");
}

static int memory(const struct spec_ctx *c, const struct oci_limits *l, json_t *res, struct err *err)
{
	/* 0 is a value here, but also what a zeroed struct holds; the kernel's default (60) is then left
	 * as it is */
	bool swappiness = l->mem_swappiness > 0;
	if (check_memory(l, err) < 0)
		return -1;
	if (!l->mem_bytes && !l->mem_reservation_bytes && !l->memswap_bytes && !swappiness &&
		!l->oom_kill_disable)
		return 0;
	if (!c->host->memory) {
		no_controller(c, "the memory limit", "memory");
		return 0;
	}
	json_t *m = json_object();
	json_object_set_new(res, "memory", m);
	if (l->mem_bytes > 0)
		jx_set_int(m, "limit", l->mem_bytes);
	if (l->mem_reservation_bytes > 0)
		jx_set_int(m, "reservation", l->mem_reservation_bytes);
	set_swap(c, l, m);
	if (v2(c) && (swappiness || l->oom_kill_disable)) {
		spec_warn(c,
			"mem_swappiness and oom_kill_disable have no effect: cgroup v2 does not have them");
		return 0;
	}
	if (swappiness)
		jx_set_int(m, "swappiness", l->mem_swappiness);
	if (l->oom_kill_disable)
		jx_set_bool(m, "disableOOMKiller", true);
	return 0;
}

static void cpu_rt(const struct spec_ctx *c, const struct oci_limits *l, json_t *cpu)
{
	if (!l->cpu_rt_runtime_us && !l->cpu_rt_period_us)
		return;
	if (v2(c) || access(CGROUP_ROOT "/cpu/cpu.rt_runtime_us", F_OK) != 0) {
		spec_warn(c, "cpu_rt_runtime and cpu_rt_period have no effect: this host cannot limit "
			     "real-time tasks by cgroup");
		return;
	}
	if (l->cpu_rt_period_us)
		jx_set_int(cpu, "realtimePeriod", l->cpu_rt_period_us);
	if (l->cpu_rt_runtime_us)
		jx_set_int(cpu, "realtimeRuntime", l->cpu_rt_runtime_us);
}

static int cpus(const struct spec_ctx *c, const struct oci_limits *l, json_t *res, struct err *err)
{
	json_t *cpu = json_object();
	json_object_set_new(res, "cpu", cpu);
	bool time = l->cpu_shares || l->cpu_quota_us || l->cpu_period_us || l->cpu_rt_runtime_us ||
		    l->cpu_rt_period_us;
	if (time && !c->host->cpu) {
		no_controller(c, "the processor limit", "cpu");
	} else if (time) {
		if (l->cpu_shares > 0)
			jx_set_int(cpu, "shares", l->cpu_shares);
		if (l->cpu_quota_us)
			jx_set_int(cpu, "quota", l->cpu_quota_us);
		if (l->cpu_period_us > 0)
			jx_set_int(cpu, "period", l->cpu_period_us);
		cpu_rt(c, l, cpu);
	}
	if (l->cpuset && *l->cpuset && !c->host->cpuset)
		no_controller(c, "cpuset", "cpuset");
	else if (l->cpuset && *l->cpuset && spec_set_text(cpu, "cpus", l->cpuset, err) < 0)
		return -1;
	if (json_object_size(cpu) == 0)
		json_object_del(res, "cpu");
	return 0;
}

static void pids(const struct spec_ctx *c, const struct oci_limits *l, json_t *res)
{
	if (l->pids <= 0)
		return;
	if (!c->host->pids) {
		no_controller(c, "pids_limit", "pids");
		return;
	}
	json_object_set_new(res, "pids", json_pack("{sI}", "limit", (json_int_t)l->pids));
}

int spec_resources(const struct spec_ctx *c, json_t **ret, struct err *err)
{
	const struct oci_limits *l = &c->spec->limits;
	auto_json json_t *res = json_object();
	if (memory(c, l, res, err) < 0 || cpus(c, l, res, err) < 0)
		return -1;
	pids(c, l, res);
	*ret = take(res);
	return 0;
}
