/* spec.c - see spec.h. The checks are those that docker compose makes before it builds; what only the builder can know, it says itself. */
#include "spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "dockerfile.h"

char *spec_ref(const char *name)
{
	struct image_ref r;
	char *text;

	if (ref_parse(name, &r, NULL) < 0)
		return NULL;
	text = ref_format(&r);
	ref_done(&r);
	return text;
}

const char *spec_context_service(const char *value)
{
	return value && str_starts(value, "service:") ? value + strlen("service:") : NULL;
}

/* ------------------------------------------------------------------ names, arguments, labels */

static int add_ref(struct build_spec *b, const char *name, struct err *err)
{
	struct image_ref r;
	auto_free char *text = NULL;

	if (ref_parse(name, &r, err) < 0)
		return err_wrap(err, "image name '%s'", name);
	if (r.digest) {
		ref_done(&r);
		return err_set(err, ERR_INPUT, "image name '%s' has a digest: what is built has none yet", name);
	}
	text = ref_format(&r);
	ref_done(&r);
	if (!strs_has(&b->refs, text))
		strs_add(&b->refs, text);
	return 0;
}

static int add_refs(struct build_spec *b, struct pos *ret_pos, struct err *err)
{
	const struct service *s = b->service;

	*ret_pos = s->build.names_image ? s->pos : s->image_pos;
	if (add_ref(b, s->image, err) < 0)
		return -1;
	*ret_pos = s->build.pos;
	for (size_t i = 0; i < s->build.tags.n; i++)
		if (add_ref(b, s->build.tags.v[i], err) < 0)
			return -1;
	return 0;
}

/* An argument of the command line without a value has the environment's, or is none. */
static void add_option_args(struct build_spec *b, const struct strs *list)
{
	for (size_t i = 0; list && i < list->n; i++) {
		const char *value;

		if (strchr(list->v[i], '='))
			strs_add(&b->args, list->v[i]);
		else if ((value = getenv(list->v[i])))
			strs_printf(&b->args, "%s=%s", list->v[i], value);
	}
}

static void add_pairs(struct build_spec *b, const struct project *p, const char *version)
{
	const struct build *build = &b->service->build;

	for (size_t i = 0; i < build->args.n; i++)
		if (build->args.v[i].value)
			strs_printf(&b->args, "%s=%s", build->args.v[i].key, build->args.v[i].value);
	add_option_args(b, b->opts->args);
	for (size_t i = 0; i < build->labels.n; i++)
		strs_printf(&b->labels, "%s=%s", build->labels.v[i].key, build->labels.v[i].value ? build->labels.v[i].value : "");
	strs_printf(&b->labels, "com.docker.compose.project=%s", p->name);
	strs_printf(&b->labels, "com.docker.compose.service=%s", b->service->name);
	strs_printf(&b->labels, "com.docker.compose.version=%s", version);
}

/* ------------------------------------------------------------------ contexts and the Dockerfile */

/* As compose/paths.c leaves them alone. */
static bool is_remote(const char *context)
{
	return strstr(context, "://") || str_starts(context, "git@") || str_starts(context, "github.com/");
}

static int check_context(struct build_spec *b, struct pos *ret_pos, struct err *err)
{
	const struct build *build = &b->service->build;
	struct stat st;

	b->context = xstrdup(build->context);
	b->remote = is_remote(b->context);
	*ret_pos = build->context_pos;
	if (b->remote)
		return 0;
	if (spec_context_service(b->context))
		return err_set(err, ERR_INPUT, "the context cannot be '%s': name another service in additional_contexts", b->context);
	if (stat(b->context, &st) < 0)
		return err_sys(err, errno, "build context '%s'", b->context);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_INPUT, "build context '%s' is not a directory", b->context);
	return 0;
}

static int write_file(const char *dir, const char *name, const char *text, char **ret, struct err *err)
{
	auto_free char *path = path_join(dir, name);

	if (path_write(AT_FDCWD, path, text, strlen(text), 0600, 0, err) < 0)
		return -1;
	*ret = take(path);
	return 0;
}

static int find_dockerfile(struct build_spec *b, struct pos *ret_pos, struct err *err)
{
	const struct build *build = &b->service->build;
	const char *name = build->dockerfile && *build->dockerfile ? build->dockerfile : "Dockerfile";

	*ret_pos = build->dockerfile_pos;
	b->dockerfile = path_join(b->context, name);
	if (access(b->dockerfile, F_OK) < 0 && STREQ(name, "Dockerfile")) {
		auto_free char *other = path_join(b->context, "Containerfile");   /* buildah's and podman's name for it */

		if (access(other, F_OK) == 0) {
			free(b->dockerfile);
			b->dockerfile = take(other);
		}
	}
	if (access(b->dockerfile, R_OK) < 0)
		return err_sys(err, errno, "Dockerfile '%s'", b->dockerfile);
	return path_read(AT_FDCWD, b->dockerfile, DOCKERFILE_MAX, &b->text, err);
}

/* What buildah 1.28 does not do is done to the file: it puts labels at the end, whatever the target is, so the target is made the end; and
 * variables of --platform are replaced. */
static int adapt_dockerfile(struct build_spec *b, const char *files_dir, struct err *err)
{
	bool end = b->target && b->text.p && dockerfile_may_end_with(b->text.p, b->target);
	auto_free char *replaced = b->text.p ? spec_with_build_platform(b->text.p) : NULL, *text = NULL;

	if (b->opts->tool != BUILD_BUILDAH || (!end && !replaced))
		return 0;
	text = xasprintf("%s%s%s", replaced ? replaced : b->text.p, end ? "\nFROM " : "", end ? b->target : "\n");
	free(b->dockerfile);
	b->dockerfile = NULL;
	if (end)
		b->target = NULL;
	return write_file(files_dir, "Dockerfile.adapted", text, &b->dockerfile, err);
}

static int check_dockerfile(struct build_spec *b, const char *files_dir, struct pos *ret_pos, struct err *err)
{
	const struct build *build = &b->service->build;
	auto_free char *ignore = NULL;

	if (build->dockerfile_inline && *build->dockerfile_inline) {
		buf_str(&b->text, build->dockerfile_inline);
		return write_file(files_dir, "Dockerfile", build->dockerfile_inline, &b->dockerfile, err);
	}
	if (b->remote)
		return 0;
	if (find_dockerfile(b, ret_pos, err) < 0)
		return -1;
	ignore = xasprintf("%s.dockerignore", b->dockerfile);
	if (access(ignore, R_OK) == 0)
		b->ignorefile = take(ignore);
	return 0;
}

static int add_context(struct build_spec *b, const struct project *p, const struct kv *kv, struct err *err)
{
	static const char *const images[] = { "docker-image://", "container-image://" };
	const char *value = kv->value ? kv->value : "", *service = spec_context_service(value), *image = NULL;
	struct spec_named *c;

	for (size_t i = 0; i < ARRAY_LEN(images); i++)
		if (str_starts(value, images[i]))
			image = value + strlen(images[i]);
	if (service) {
		const struct service *other = project_service(p, service);

		if (!other)
			return err_set(err, ERR_INPUT, "context '%s' is built by service '%s', which is not enabled", kv->key, service);
		image = other->image;
	}
	b->contexts = xrealloc_array(b->contexts, b->n_contexts + 1, sizeof *b->contexts);
	c = &b->contexts[b->n_contexts++];
	*c = (struct spec_named){ xstrdup(kv->key), image ? CONTEXT_IMAGE : CONTEXT_PATH, image ? spec_ref(image) : xstrdup(value) };
	return c->value ? 0 : err_set(err, ERR_INPUT, "context '%s': '%s' is no image", kv->key, image);
}

/* ------------------------------------------------------------------ secrets and keys */

static const struct file_object *find_secret(const struct project *p, const char *key)
{
	for (size_t i = 0; i < p->n_secrets; i++)
		if (str_eq(p->secrets[i].key, key))
			return &p->secrets[i];
	return NULL;
}

static int add_secret(struct build_spec *b, const struct project *p, const struct file_ref *r, const char *files_dir, struct err *err)
{
	const struct file_object *o = find_secret(p, r->source);
	const char *id = r->target && *r->target ? r->target : r->source;
	auto_free char *path = NULL, *name = xasprintf("secret-%zu", b->secrets.n);

	if (!o)
		return err_set(err, ERR_INPUT, "secret '%s' is not defined", r->source);
	if (o->external)
		return err_set(err, ERR_INPUT, "secret '%s' is external: there is no store that it could come from", r->source);
	if (strpbrk(id, "=,"))
		return err_set(err, ERR_INPUT, "secret '%s': its name must not have '=' or ','", id);
	if (o->file && access(o->file, R_OK) < 0)
		return err_sys(err, errno, "secret '%s': file '%s'", r->source, o->file);
	if (!o->file && write_file(files_dir, name, o->content ? o->content : "", &path, err) < 0)
		return -1;
	strs_printf(&b->secrets, "%s=%s", id, o->file ? o->file : path);
	return 0;
}

/* "~/.ssh/id" and what is relative to the project. */
static char *key_path(const struct project *p, const char *path)
{
	const char *home = getenv("HOME");

	if (path[0] == '~' && home)
		return path_join(home, path + 1 + strspn(path + 1, "/"));
	return path_join(p->working_dir, path);
}

static int add_ssh(struct build_spec *b, const struct project *p, const char *line, struct err *err)
{
	const char *eq = strchr(line, '=');
	auto_free char *path = NULL;

	if (!eq && !STREQ(line, "default"))
		return err_set(err, ERR_INPUT, "SSH key '%s' is neither 'default' nor of the form ID=PATH", line);
	if (!eq && !getenv("SSH_AUTH_SOCK")) {
		err_set(err, ERR_INPUT, "SSH key 'default' is that of an agent, and SSH_AUTH_SOCK is not set");
		return err_hint(err, "start an agent, or name a key: default=~/.ssh/id_ed25519");
	}
	if (!eq) {
		strs_add(&b->ssh, line);
		return 0;
	}
	path = key_path(p, eq + 1);
	if (access(path, R_OK) < 0)
		return err_sys(err, errno, "SSH key '%s'", path);
	strs_printf(&b->ssh, "%.*s=%s", (int)(eq - line), line, path);
	return 0;
}

static int add_keys(struct build_spec *b, const struct project *p, const char *files_dir, struct pos *ret_pos, struct err *err)
{
	const struct build *build = &b->service->build;

	for (size_t i = 0; i < build->n_secrets; i++) {
		*ret_pos = build->secrets[i].pos;
		if (add_secret(b, p, &build->secrets[i], files_dir, err) < 0)
			return -1;
	}
	*ret_pos = build->pos;
	for (size_t i = 0; i < build->ssh.n; i++)
		if (add_ssh(b, p, build->ssh.v[i], err) < 0)
			return -1;
	for (size_t i = 0; b->opts->ssh && i < b->opts->ssh->n; i++)
		if (add_ssh(b, p, b->opts->ssh->v[i], err) < 0)
			return -1;
	return 0;
}

/* ------------------------------------------------------------------ the rest */

static int check_entitlements(struct build_spec *b, struct err *err)
{
	const struct strv *list = &b->service->build.entitlements;

	for (size_t i = 0; i < list->n; i++)
		if (!STREQ(list->v[i], "network.host") && !STREQ(list->v[i], "security.insecure"))
			return err_set(err, ERR_INPUT, "entitlement '%s' is not known: network.host or security.insecure", list->v[i]);
	return 0;
}

/* What RUN sees of the network is buildah's matter, or BuildKit's, which has three kinds and no name for the host. */
static int check_network(const struct build_spec *b, struct err *err)
{
	static const char *const known[] = { "", "default", "none", "host", "sandbox" };
	const struct build *build = &b->service->build;
	const char *network = build->network ? build->network : "";
	bool is_known = false;

	if (b->opts->tool != BUILD_BUILDKIT)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		is_known |= STREQ(network, known[i]);
	if (!is_known)
		return err_set(err, ERR_INPUT, "network '%s' is not known to BuildKit: none, host or default", network);
	for (size_t i = 0; i < build->n_extra_hosts; i++)
		if (STREQ(build->extra_hosts[i].ip, "host-gateway") && !STREQ(network, "host")) {
			err_set(err, ERR_INPUT, "extra host '%s': BuildKit does not know what 'host-gateway' is", build->extra_hosts[i].host);
			return err_hint(err, "write an address, or 'network: host'");
		}
	return 0;
}

static int make(struct build_spec *b, const struct project *p, const char *version, const char *files_dir, struct pos *ret_pos,
		struct err *err)
{
	const struct build *build = &b->service->build;

	b->target = build->target && *build->target ? build->target : NULL;
	if (check_context(b, ret_pos, err) < 0 || check_dockerfile(b, files_dir, ret_pos, err) < 0 ||
	    adapt_dockerfile(b, files_dir, err) < 0 || add_refs(b, ret_pos, err) < 0)
		return -1;
	add_pairs(b, p, version);
	*ret_pos = build->pos;
	if (spec_platforms(b, err) < 0 || check_entitlements(b, err) < 0 || check_network(b, err) < 0)
		return -1;
	for (size_t i = 0; i < build->additional_contexts.n; i++)
		if (add_context(b, p, &build->additional_contexts.v[i], err) < 0)
			return -1;
	return add_keys(b, p, files_dir, ret_pos, err);
}

int spec_make(const struct project *p, const struct service *s, const struct build_opts *o, const char *version, const char *files_dir,
	      struct build_spec *ret, struct pos *ret_pos, struct err *err)
{
	struct build_spec b = { .service = s, .opts = o };

	*ret_pos = s->build.pos;
	if (make(&b, p, version, files_dir, ret_pos, err) < 0) {
		spec_done(&b);
		return err_wrap(err, "service '%s'", s->name);
	}
	*ret = b;
	return 0;
}

void spec_done(struct build_spec *b)
{
	struct strs *lists[] = { &b->refs, &b->args, &b->labels, &b->secrets, &b->ssh, &b->platforms };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		strs_done(lists[i]);
	for (size_t i = 0; i < b->n_contexts; i++) {
		free(b->contexts[i].name);
		free(b->contexts[i].value);
	}
	free(b->contexts);
	free(b->context);
	free(b->dockerfile);
	free(b->ignorefile);
	buf_done(&b->text);
}

static bool is_context(const struct build_spec *b, const char *name)
{
	for (size_t k = 0; k < b->n_contexts; k++)
		if (STREQ(b->contexts[k].name, name))
			return true;
	return false;
}

void spec_images(const struct build_spec *b, const char *platform, struct dockerfile_bases *ret)
{
	struct dockerfile_bases named = { 0 };

	if (b->text.p)
		dockerfile_images(b->text.p, &b->args, platform, &named);
	for (size_t i = 0; i < named.n; i++)
		if (!is_context(b, named.v[i].name))
			dockerfile_bases_add(ret, named.v[i].name, named.v[i].platform ? named.v[i].platform : platform);
	dockerfile_bases_done(&named);
	for (size_t k = 0; k < b->n_contexts; k++)
		if (b->contexts[k].kind == CONTEXT_IMAGE)
			dockerfile_bases_add(ret, b->contexts[k].value, platform);
}
