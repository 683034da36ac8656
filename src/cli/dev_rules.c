#include "dev_rules.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/mem.h"
#include "../util/path.h"

enum { IGNORE_MAX = 1 << 20 };

bool dev_syncs(const struct dev_rule *r)
{
	return r->said->action == WATCH_SYNC || r->said->action == WATCH_SYNC_RESTART || r->said->action == WATCH_SYNC_EXEC;
}

void dev_rules_done(struct dev_rules *l)
{
	for (size_t i = 0; i < l->n; i++)
		rule_done(&l->v[i].rule);
	free(l->v);
	*l = (struct dev_rules){ 0 };
}

static int check(struct cli *c, const struct service *s, const struct watch_rule *w, struct err *err)
{
	c->err_pos = w->pos;
	if (w->action == WATCH_REBUILD && !s->build.given) {
		err_set(err, ERR_INPUT, "service '%s' cannot be rebuilt: it has no 'build'", s->name);
		return err_hint(err, "add 'build', or choose another action: sync, restart, sync+restart, sync+exec");
	}
	if (w->action == WATCH_SYNC_EXEC && !w->exec.command.n) {
		err_set(err, ERR_INPUT, "action sync+exec of service '%s' has no command", s->name);
		return err_hint(err, "add 'exec: {command: …}'");
	}
	c->err_pos = (struct pos){ 0 };
	return 0;
}

/* What the container sees anyhow. */
static bool is_bound(const struct service *s, const char *path)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].type == MOUNT_BIND && s->mounts[i].source && rule_relative(s->mounts[i].source, path))
			return true;
	return false;
}

/* That of the Dockerfile, else that of the context. A context at a URL has none here. */
static int add_context(struct rule *r, const struct service *s, struct err *err)
{
	const char *dockerfile = s->build.dockerfile ? s->build.dockerfile : "Dockerfile";
	auto_free char *own = NULL, *whole = NULL;
	auto_buf struct buf text = BUF_INIT;
	auto_err struct err why = ERR_INIT;

	if (!s->build.given || !s->build.context || *s->build.context != '/')
		return 0;
	r->context = realpath(s->build.context, NULL);
	own = xasprintf("%s/%s.dockerignore", s->build.context, dockerfile);
	whole = xasprintf("%s/.dockerignore", s->build.context);
	if (path_read(AT_FDCWD, own, IGNORE_MAX, &text, &why) < 0 && why.kind == ERR_NOT_FOUND) {
		err_done(&why);
		path_read(AT_FDCWD, whole, IGNORE_MAX, &text, &why);
	}
	if (why.kind && why.kind != ERR_NOT_FOUND)
		return err_move(err, &why);
	if (text.p)
		patterns_add_file(&r->context_ignore, text.p);
	return 0;
}

static int add_rule(struct cli *c, const struct service *s, const struct watch_rule *w, struct dev_rules *ret, struct err *err)
{
	auto_free char *real = realpath(w->path, NULL);
	struct dev_rule *r;
	struct stat st;

	r = XGROW(ret->v, ret->n, ret->cap);
	r->said = w;
	r->service = s;
	r->rule = (struct rule){ .service = xstrdup(s->name), .number = (unsigned)(w - s->watch), .target = xstrdup(w->target) };
	r->rule.path = real ? take(real) : path_join("/", w->path);
	r->rule.is_file = stat(r->rule.path, &st) == 0 && !S_ISDIR(st.st_mode);
	for (size_t i = 0; i < w->include.n; i++)
		patterns_add(&r->rule.include, w->include.v[i]);
	for (size_t i = 0; i < w->ignore.n; i++)
		patterns_add(&r->rule.ignore, w->ignore.v[i]);
	return add_context(&r->rule, s, err);
}

static int add_service(struct cli *c, const struct service *s, struct dev_rules *ret, struct err *err)
{
	for (size_t i = 0; i < s->n_watch; i++) {
		const struct watch_rule *w = &s->watch[i];

		if (check(c, s, w, err) < 0)
			return -1;
		if (w->target && is_bound(s, w->path)) {
			ui_warn(&c->ui, "path '%s' of service '%s' is also a bind mount: it is not watched", w->path, s->name);
			continue;
		}
		if (add_rule(c, s, w, ret, err) < 0)
			return -1;
	}
	return 0;
}

int dev_rules(struct cli *c, const bool *scope, struct dev_rules *ret, struct err *err)
{
	for (size_t i = 0; i < c->project->n_services; i++)
		if (scope[i] && add_service(c, &c->project->services[i], ret, err) < 0)
			return -1;
	if (ret->n)
		return 0;
	err_set(err, ERR_INPUT, "none of the selected services is configured for watch");
	return err_hint(err, "a service says what to watch in 'develop: {watch: […]}'");
}
