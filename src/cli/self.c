#include "self.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/str.h"

static void add_value(struct strs *l, const char *flag, const char *value)
{
	if (!value)
		return;
	strs_add(l, flag);
	strs_add(l, value);
}

static void add_values(struct strs *l, const char *flag, const struct strs *values)
{
	for (size_t i = 0; i < values->n; i++)
		add_value(l, flag, values->v[i]);
}

static void add_globals(struct strs *l, const struct global_opts *g)
{
	add_values(l, "--file", &g->files);
	add_values(l, "--env-file", &g->env_files);
	add_values(l, "--profile", &g->profiles);
	add_value(l, "--project-name", g->project_name);
	add_value(l, "--project-directory", g->project_directory);
	add_value(l, "--state-dir", g->state_dir);
	add_value(l, "--run-dir", g->run_dir);
	add_value(l, "--runtime", g->runtime);
	add_value(l, "--ansi", g->ansi);
	add_value(l, "--progress", g->progress);
	add_value(l, "--parallel", g->parallel);
}

/* The first of a name counts. */
static struct strs environment(const struct strs *in_front)
{
	struct strs env = STRS_INIT;

	for (size_t i = 0; in_front && i < in_front->n; i++)
		strs_add(&env, in_front->v[i]);
	for (char **e = environ; *e; e++)
		strs_add(&env, *e);
	return env;
}

int self_start(const struct cli *c, const struct strs *args, const struct strs *env, int out_fd, struct child *ret, struct err *err)
{
	auto_strs struct strs argv = STRS_INIT, envp = environment(env);
	struct spawn s = { .file = "/proc/self/exe", .stdio = { -1, STDOUT_FILENO, STDERR_FILENO }, .die_with_parent = true };

	if (out_fd >= 0)
		s.stdio[1] = s.stdio[2] = out_fd;
	strs_add(&argv, "davit");
	add_globals(&argv, &c->g);
	for (size_t i = 0; i < args->n; i++)
		strs_add(&argv, args->v[i]);
	s.argv = (const char *const *)argv.v;
	s.envp = (const char *const *)envp.v;
	return proc_spawn(&s, ret, err);
}

int self_wait(struct child *child, const volatile sig_atomic_t *stop, struct err *err)
{
	const struct timespec soon = { .tv_sec = 1 };
	struct pollfd p = { .fd = child->pidfd, .events = POLLIN };
	bool asked = false;
	int status = 0, r;
	sigset_t none;

	sigemptyset(&none);
	while ((r = proc_reap(child, &status)) == 0) {
		if (*stop && !asked) {
			proc_pidfd_signal(child->pidfd, SIGINT);
			asked = true;
		}
		ppoll(&p, 1, asked ? &soon : NULL, &none);
	}
	close(child->pidfd);
	return r < 0 ? err_sys(err, errno, "wait for davit") : status;
}

int self_run(const struct cli *c, const struct strs *args, const struct strs *env, const volatile sig_atomic_t *stop, struct err *err)
{
	struct child child;

	return self_start(c, args, env, -1, &child, err) < 0 ? -1 : self_wait(&child, stop, err);
}
