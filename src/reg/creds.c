#include "creds.h"

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/secret.h"
#include "../util/str.h"
#include "answers.h"
#include "authfile.h"
#include "helper.h"

void reg_creds_done(struct reg_creds *c)
{
	secret_free(c->user);
	secret_free(c->password);
	secret_free(c->identity_token);
	free(c->from);
	*c = (struct reg_creds){ 0 };
}

static int find_in(const struct reg_env *env, const char *path, const char *registry, const char *repository, struct reg_creds *ret,
	struct err *err)
{
	auto_json json_t *doc = NULL;
	const char *helper;
	int r;

	if (authfile_read(path, &doc, err) < 0)
		return -1;
	r = repository ? authfile_scoped(path, doc, registry, repository, ret, err) : 0;
	helper = authfile_helper(doc, registry);
	if (r == 0 && helper) {
		r = answers_get(env->answers, helper, authfile_server(registry), REG_HELPER_S * 1000, ret, err);
		if (r < 0)
			return err_wrap(err, "credentials for '%s', as '%s' says", registry, path);
	}
	return r ? r : authfile_whole(path, doc, registry, ret, err);
}

int reg_creds_find(const struct reg_env *env, const char *registry, const char *repository, struct reg_creds *ret, struct err *err)
{
	auto_free char *docker = env->docker ? xasprintf("%s/config.json", env->docker) : NULL;
	auto_free char *config = env->config_home ? xasprintf("%s/containers/auth.json", env->config_home) : NULL;
	const char *const usual[] = { docker, env->auth_run, config };

	secret_json();
	if (env->auth_file)
		return find_in(env, env->auth_file, registry, repository, ret, err);
	for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
		int r = usual[i] ? find_in(env, usual[i], registry, repository, ret, err) : 0;

		if (r)
			return r;
	}
	return 0;
}

/* --- login and logout --- */

static int where_to_write(const struct reg_env *env, char **ret, struct err *err)
{
	if (!env->auth_file && !env->docker) {
		err_set(err, ERR_FAIL, "there is no home directory for credentials");
		return err_hint(err, "set HOME, DOCKER_CONFIG or REGISTRY_AUTH_FILE");
	}
	*ret = env->auth_file ? xstrdup(env->auth_file) : xasprintf("%s/config.json", env->docker);
	return 0;
}

/* The entry of the registry becomes c's (NULL: a helper has it), or goes; 1: there is none to go. Not for while a helper runs: others wait. */
static int change(const char *path, const char *registry, bool erase, const struct reg_creds *c, struct err *err)
{
	auto_json json_t *doc = NULL;
	auto_close int lock = -1;

	if (authfile_lock(path, &lock, err) < 0 || authfile_read(path, &doc, err) < 0)
		return -1;
	if (!erase && authfile_set(path, doc, registry, c, err) < 0)
		return -1;
	if (erase && authfile_unset(doc, registry) == 0)
		return 1;
	return authfile_write(lock, path, doc, err);
}

int reg_creds_store(const struct reg_env *env, const char *registry, const struct reg_creds *c, char **ret_where, struct err *err)
{
	auto_json json_t *doc = NULL;
	auto_free char *path = NULL;
	const char *helper;

	secret_json();
	if (c->user && strchr(c->user, ':')) /* RFC 7617, 2 */
		return err_set(err, ERR_INPUT, "a user name cannot have a colon");
	if (where_to_write(env, &path, err) < 0 || authfile_read(path, &doc, err) < 0)
		return -1;
	helper = authfile_helper(doc, registry);
	if (helper && helper_store(helper, authfile_server(registry), c, REG_HELPER_S * 1000, err) < 0)
		return err_wrap(err, "credentials for '%s', as '%s' says", registry, path);
	if (change(path, registry, false, helper ? NULL : c, err) < 0)
		return -1;
	*ret_where = helper ? xasprintf("docker-credential-%s", helper) : take(path);
	return 0;
}

int reg_creds_erase(const struct reg_env *env, const char *registry, char **ret_where, struct err *err)
{
	auto_json json_t *doc = NULL;
	auto_free char *path = NULL;
	const char *helper;
	int erased = 0;

	secret_json();
	if (where_to_write(env, &path, err) < 0 || authfile_read(path, &doc, err) < 0)
		return -1;
	helper = authfile_helper(doc, registry);
	if (helper)
		erased = helper_erase(helper, authfile_server(registry), REG_HELPER_S * 1000, err);
	if (erased < 0)
		return err_wrap(err, "credentials for '%s', as '%s' says", registry, path);
	if (authfile_unset(doc, registry) > 0) {
		int r = change(path, registry, true, NULL, err);

		if (r < 0)
			return -1;
		erased |= r == 0;
	}
	*ret_where = helper ? xasprintf("docker-credential-%s", helper) : take(path);
	return erased ? 0 : 1;
}
