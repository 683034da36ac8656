/* spec_proc.c - the process: what runs, as whom, with which limits. */
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"
#include "spec.h"

enum {
	/* What systemd gives a service, and so what a container of docker's has had since it stopped
	 * raising the soft limit: programs that close every possible descriptor stay quick, those that
	 * need more raise it themselves. */
	NOFILE_SOFT = 1024,
	NOFILE_HARD = 524288,
};

static const struct {
	const char *name, *oci;
	int resource;
} limits[] = {
	{"as", "RLIMIT_AS", RLIMIT_AS},
	{"core", "RLIMIT_CORE", RLIMIT_CORE},
	{"cpu", "RLIMIT_CPU", RLIMIT_CPU},
	{"data", "RLIMIT_DATA", RLIMIT_DATA},
	{"fsize", "RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"locks", "RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"memlock", "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"msgqueue", "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"nice", "RLIMIT_NICE", RLIMIT_NICE},
	{"nofile", "RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"nproc", "RLIMIT_NPROC", RLIMIT_NPROC},
	{"rss", "RLIMIT_RSS", RLIMIT_RSS},
	{"rtprio", "RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"rttime", "RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"sigpending", "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"stack", "RLIMIT_STACK", RLIMIT_STACK},
};

static int limit_index(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (strcasecmp(name, limits[i].name) == 0)
			return (int)i;
	return -1;
}

/* INT64_MAX for "unlimited", so that values can be compared. */
static int64_t comparable(int64_t v)
{
	return v < 0 ? INT64_MAX : v;
}

static int64_t own_hard(int resource)
{
	struct rlimit64 r;
	if (prlimit64(0, (enum __rlimit_resource)resource, NULL, &r) < 0 || r.rlim_max > INT64_MAX)
		return INT64_MAX;
	return (int64_t)r.rlim_max;
}

static json_t *limit_json(int i, int64_t soft, int64_t hard)
{
	json_t *o = json_object();
	jx_set_str(o, "type", limits[i].oci);
	jx_set_int(o, "soft", soft == INT64_MAX ? SPEC_RLIM_INFINITY : soft);
	jx_set_int(o, "hard", hard == INT64_MAX ? SPEC_RLIM_INFINITY : hard);
	return o;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int add_limit(const struct spec_ctx *c, const struct oci_rlimit *l, json_t *a, struct err *err)
{
	int i = limit_index(l->name);
	if (i < 0)
		return err_set(err, ERR_INPUT, "unknown limit '%s' in ulimits", l->name);
	int64_t soft = comparable(l->soft), hard = comparable(l->hard), most = own_hard(limits[i].resource);
	if (soft > hard)
		return err_set(
			err, ERR_INPUT, "ulimit '%s': the soft limit is above the hard limit", l->name);
	if (hard > most && !spec_own_cap(CAP_SYS_RESOURCE)) {
		spec_warn(c, "ulimit '%s' is lowered to %lld, the most davit itself may have here", l->name,
			(long long)most);
		hard = most;
	}
	json_array_append_new(a, limit_json(i, smaller(soft, hard), hard));
	return 0;
}

static int rlimits(const struct spec_ctx *c, json_t *p, struct err *err)
{
	json_t *a = json_array();
	bool nofile = false;
	json_object_set_new(p, "rlimits", a);
	for (size_t i = 0; i < c->spec->n_rlimits; i++) {
		if (add_limit(c, &c->spec->rlimits[i], a, err) < 0)
			return -1;
		nofile = nofile || strcasecmp(c->spec->rlimits[i].name, "nofile") == 0;
	}
	if (!nofile) {
		int64_t hard = NOFILE_HARD;
		if (!spec_own_cap(CAP_SYS_RESOURCE))
			hard = smaller(hard, own_hard(RLIMIT_NOFILE));
		json_array_append_new(a, limit_json(limit_index("nofile"), smaller(NOFILE_SOFT, hard), hard));
	}
	return 0;
}

static int own_oom_score(void)
{
	auto_buf struct buf b = BUF_INIT;
	int64_t v;
	if (path_read(AT_FDCWD, "/proc/self/oom_score_adj", 32, &b, NULL) < 0 || !b.p)
		return 0;
	b.p[strcspn(b.p, "\n")] = '\0';
	return str_i64(b.p, &v) < 0 ? 0 : (int)v;
}

static int oom_score(const struct spec_ctx *c, json_t *p, struct err *err)
{
	const struct oci_spec *s = c->spec;
	int own = own_oom_score(), want = s->oom_score_adj_set ? s->oom_score_adj : 0;
	if (want < -1000 || want > 1000)
		return err_set(err, ERR_INPUT, "oom_score_adj %d is out of range (-1000 to 1000)", want);
	if (want < own && !spec_own_cap(CAP_SYS_RESOURCE)) {
		if (s->oom_score_adj_set)
			spec_warn(c, "oom_score_adj %d has no effect: davit may not go below its own, %d",
				want, own);
		return 0;
	}
	/* davit's own protection from the kernel's killer, if it has any, is not for its containers */
	if (s->oom_score_adj_set || own != 0)
		jx_set_int(p, "oomScoreAdj", want);
	return 0;
}

static void user(const struct oci_spec *s, json_t *p)
{
	json_t *u = json_object(), *groups = json_array();
	jx_set_int(u, "uid", s->uid);
	jx_set_int(u, "gid", s->gid);
	for (size_t i = 0; i < s->n_groups; i++)
		json_array_append_new(groups, json_integer(s->groups[i]));
	json_object_set_new(u, "additionalGids", groups);
	json_object_set_new(p, "user", u);
}

static int command(const struct oci_spec *s, json_t *p, struct err *err)
{
	json_t *args, *env;
	if (spec_strings(s->args, "word of the command", &args, err) < 0)
		return -1;
	json_object_set_new(p, "args", args);
	if (s->init) {
		json_array_insert_new(args, 0, json_string("--"));
		json_array_insert_new(args, 0, json_string(OCI_INIT_TARGET));
	}
	if (spec_strings(s->env, "environment variable", &env, err) < 0)
		return -1;
	json_object_set_new(p, "env", env);
	return spec_set_text(p, "cwd", s->cwd && *s->cwd ? s->cwd : "/", err);
}

int spec_process(
	const struct spec_ctx *c, const struct spec_sec *sec, uint64_t caps, json_t **ret, struct err *err)
{
	const struct oci_spec *s = c->spec;
	auto_json json_t *p = json_object();
	jx_set_bool(p, "terminal", s->tty);
	if (s->tty && s->tty_rows && s->tty_cols)
		spec_set_console_size(p, s->tty_rows, s->tty_cols);
	user(s, p);
	if (command(s, p, err) < 0)
		return -1;
	json_object_set_new(p, "capabilities", spec_caps_json(caps));
	if (rlimits(c, p, err) < 0 || oom_score(c, p, err) < 0)
		return -1;
	jx_set_bool(p, "noNewPrivileges", sec->no_new_privileges);
	if (sec->apparmor && spec_set_text(p, "apparmorProfile", sec->apparmor, err) < 0)
		return -1;
	*ret = take(p);
	return 0;
}
