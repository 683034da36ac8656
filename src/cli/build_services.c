#include "build_services.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../oci/oci.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/version.h"
#include "imager.h"
#include "place.h"

enum { EXIT_INTERRUPTED = 130, KEPT_LINES = 50 };

struct showing {
	struct cli *c;
	const struct building *what;
	struct progress *p;              /* NULL: quiet */
	size_t width;                    /* of the longest service's name */
	struct strs *kept;               /* quiet: the last lines of each service, for when it fails */
};

/* --- what is shown --- */

static void add_line(const struct showing *sh, const struct service *s, const char *text, struct buf *out)
{
	const struct ui *ui = &sh->c->ui;
	size_t nth = (size_t)(s - sh->c->project->services);

	buf_printf(out, "%s%-*s |%s %s\n", ui_rainbow(ui->colour_err, nth), (int)sh->width, s->name, ui_off(ui->colour_err), text);
}

static void keep_line(struct showing *sh, const struct service *s, const char *text)
{
	struct strs *kept = &sh->kept[s - sh->c->project->services];

	if (kept->n == KEPT_LINES) {
		free(kept->v[0]);
		memmove(kept->v, kept->v + 1, (kept->n - 1) * sizeof *kept->v);
		kept->n--;
	}
	strs_add(kept, text);
}

static void show_line(struct showing *sh, const struct service *s, const char *text)
{
	auto_buf struct buf b = BUF_INIT;

	if (!sh->p) {
		keep_line(sh, s, text);
	} else if (sh->c->ui.progress == PROGRESS_JSON) {
		progress_step(sh->p, "image", s->image, "Building", text);
	} else {
		add_line(sh, s, text, &b);
		progress_hide(sh->p);
		ui_stderr(&b);
	}
}

static void show_kept(const struct showing *sh, const struct service *s)
{
	const struct strs *kept = &sh->kept[s - sh->c->project->services];
	auto_buf struct buf b = BUF_INIT;

	for (size_t i = 0; i < kept->n; i++)
		add_line(sh, s, kept->v[i], &b);
	ui_stderr(&b);
}

static void show_step(struct showing *sh, const struct service *s, const char *status)
{
	if (!sh->p)
		return;
	progress_step(sh->p, "image", s->image, status, NULL);
	progress_draw(sh->p);
}

static void on_event(void *arg, const struct service *s, enum build_event ev, const char *text)
{
	struct showing *sh = arg;

	switch (ev) {
	case BUILD_BEGUN:
		show_step(sh, s, "Building");
		break;
	case BUILD_LINE:
		show_line(sh, s, text);
		break;
	case BUILD_DONE:
	case BUILD_UNCHANGED:
		show_step(sh, s, "Built");
		if (sh->what->ids)
			sh->what->ids[s - sh->c->project->services] = xstrdup(text);
		break;
	case BUILD_FAILED:
		show_step(sh, s, "Error");
		if (!sh->p)
			show_kept(sh, s);
		break;
	}
}

static void on_warning(void *arg, const struct service *s, const char *where, const char *text)
{
	struct showing *sh = arg;
	const struct place at = place_of(sh->c->project, s, where, false);
	struct diag found = DIAG_INIT;
	auto_err struct err why = ERR_INIT;

	err_set(&why, ERR_INPUT, "%s", text);
	place_say(&found, DIAG_WARNING, &at, s, &why);
	if (sh->p)
		progress_hide(sh->p);
	place_print(sh->c, &found);
}

/* --- what it runs on --- */

static int ask(void *arg, const char *verb, json_t *request, struct err *err)
{
	struct showing *sh = arg;

	return imager_run(sh->c, &(struct imager){ .verb = verb, .request = request, .input_fd = -1, .output_fd = -1 }, err);
}

/* Whether a runtime that knows nothing of davit's ways can make control groups here. */
static bool cgroups_writable(void)
{
	switch (oci_host()->mode) {
	case CGROUP_NONE:
		return false;
	case CGROUP_V2:
		return access("/sys/fs/cgroup", W_OK) == 0;
	default:
		return access("/sys/fs/cgroup/pids", W_OK) == 0;
	}
}

static void find_host(struct cli *c, struct oci_runtime *runtime, struct build_host *ret)
{
	*ret = (struct build_host){ .state_dir = c->dirs.state, .run_dir = c->dirs.run, .version = davit_version.number };
	if (!cgroups_writable() || oci_runtime_find(c->g.runtime, runtime, NULL) < 0)
		return;
	ret->runtime = runtime->path;
	ret->hide_unified = oci_host()->mode == CGROUP_HYBRID && STREQ(runtime->name, "crun");
}

/* --- the whole --- */

static void begin_showing(struct showing *sh)
{
	const struct project *p = sh->c->project;

	for (size_t i = 0; i < p->n_services; i++)
		if (p->services[i].build.given && strlen(p->services[i].name) > sh->width)
			sh->width = strlen(p->services[i].name);
	sh->kept = xcalloc(p->n_services + 1, sizeof *sh->kept);
	if (!sh->what->quiet && sh->c->ui.progress != PROGRESS_QUIET)
		sh->p = progress_new(&sh->c->ui, "Building");
}

static void end_showing(struct showing *sh)
{
	for (size_t i = 0; i < sh->c->project->n_services; i++)
		strs_done(&sh->kept[i]);
	free(sh->kept);
	progress_free(sh->p);
}

static int run(struct showing *sh, int stop_fd, struct err *err)
{
	struct oci_runtime runtime = { 0 };
	struct build_run b = {
		.project = sh->c->project,
		.wanted = sh->what->wanted,
		.opts = sh->what->opts,
		.ask = ask,
		.on_event = on_event,
		.on_warning = on_warning,
		.arg = sh,
		.at_once = cli_parallel(sh->c) > 0 ? (size_t)cli_parallel(sh->c) : 0,
		.stop_fd = stop_fd,
	};
	int r;

	find_host(sh->c, &runtime, &b.host);
	r = build_run(&b, &sh->c->err_pos, err);
	oci_runtime_done(&runtime);
	return r == BUILD_STOPPED ? EXIT_INTERRUPTED : r;
}

static bool any(const struct cli *c, const bool *wanted)
{
	for (size_t i = 0; i < c->project->n_services; i++)
		if (wanted[i] && c->project->services[i].build.given)
			return true;
	return false;
}

int build_services(struct cli *c, const struct building *what, struct err *err)
{
	struct showing sh = { .c = c, .what = what };
	auto_close int stop_fd = -1;
	sigset_t mask, before;
	int r;

	if (!any(c, what->wanted))
		return 0;
	if (build_tool_check(what->opts.tool, err) < 0)
		return -1;
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, &before);
	stop_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	begin_showing(&sh);
	r = run(&sh, stop_fd, err);
	end_showing(&sh);
	if (stop_fd >= 0)
		while (read(stop_fd, &(struct signalfd_siginfo){ 0 }, sizeof(struct signalfd_siginfo)) > 0)
			;                /* the signal has been heard */
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

int build_cache_prune(struct cli *c, bool all, int64_t *ret_bytes, struct err *err)
{
	struct oci_runtime runtime = { 0 };
	struct build_host host;
	int r;

	find_host(c, &runtime, &host);
	r = build_prune(&host, all, ret_bytes, err);
	oci_runtime_done(&runtime);
	return r;
}
