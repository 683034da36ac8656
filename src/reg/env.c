#include "env.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "../util/mem.h"
#include "answers.h"

static const char *given(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static char *find_home(void)
{
	const char *home = given("HOME");
	const struct passwd *pw = home ? NULL : getpwuid(getuid());

	return xstrdup(pw && pw->pw_dir && *pw->pw_dir ? pw->pw_dir : home);
}

/* NAME, else HOME/below. */
static char *below_home(const char *name, const char *home, const char *below)
{
	const char *v = given(name);

	if (v || !home)
		return xstrdup(v);
	return xasprintf("%s/%s", home, below);
}

void reg_env_read(struct reg_env *ret)
{
	const char *run = given("XDG_RUNTIME_DIR");
	char *home = find_home();

	*ret = (struct reg_env){
		.root = xstrdup(""),
		.home = home,
		.config_home = below_home("XDG_CONFIG_HOME", home, ".config"),
		.auth_run = run ? xasprintf("%s/containers/auth.json", run)
				: xasprintf("/run/containers/%u/auth.json", getuid()),
		.auth_file = xstrdup(given("REGISTRY_AUTH_FILE")),
		.docker = below_home("DOCKER_CONFIG", home, ".docker"),
		.registries = xstrdup(given("CONTAINERS_REGISTRIES_CONF")),
		.answers = answers_new(),
	};
}

void reg_env_done(struct reg_env *e)
{
	free(e->root);
	free(e->home);
	free(e->config_home);
	free(e->auth_run);
	free(e->auth_file);
	free(e->docker);
	free(e->registries);
	answers_free(e->answers);
	*e = (struct reg_env){ 0 };
}
