/* completion: a shell asks `davit __complete -- WORD...` what may stand in the place of the last word, and is answered from the same tables
 * that parse and help: "candidate TAB description" a line. Nothing is an answer, too: then the shell offers files. */
#include <dirent.h>
#include <string.h>

#include "../../compose/project.h"
#include "../image/filter.h"
#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "cli.h"

struct asked {
	struct cli *c;
	char **word;             /* all that stands on the line behind "davit" */
	size_t n;                /* the last one is to be completed */
	const char *current;     /* that, or its value where it is "--flag=value" … */
	const char *before;      /* … and "--flag=" then, else "" */
};

static void offer(const struct asked *a, const char *candidate, const char *description)
{
	if (str_starts(candidate, a->current))
		ui_print(&a->c->ui, "%s%s\t%.*s\n", a->before, candidate, (int)strcspn(description ? description : "", "\n"), description ? description : "");
}

static void offer_cmds(const struct asked *a, const struct cmd *const *list)
{
	for (; *list; list++) {
		const char *space = strrchr((*list)->name, ' ');

		if (!((*list)->needs & NOT_IN_LIST))
			offer(a, space ? space + 1 : (*list)->name, (*list)->summary);
	}
}

static void offer_flags(const struct asked *a, const struct opt *table)
{
	for (const struct opt *o = table; o && o->name; o++) {
		auto_free char *text = xasprintf("--%s", o->name);

		if (opt_is_shown(o))
			offer(a, text, o->help);
	}
	offer(a, "--help", "print this help");
}

static void offer_words(const struct asked *a, const char *words)
{
	for (; *words; words += strspn(words, " ")) {
		auto_free char *one = xstrndup(words, strcspn(words, " "));

		if (!STREQ(one, "…"))
			offer(a, one, NULL);
		words += strcspn(words, " ");
	}
}

/* ------------------------------------------------------------------ what only the project knows */

static bool is_given(const struct asked *a, size_t from, const char *name)
{
	for (size_t i = from; i + 1 < a->n; i++)
		if (STREQ(a->word[i], name))
			return true;
	return false;
}

/* Mistakes in the files are none of a shell's business. */
static void offer_services(const struct asked *a, size_t from, const char *behind)
{
	struct project *p = NULL;
	struct diag ignored = DIAG_INIT;

	cli_compose_opts(a->c);
	if (compose_load(&a->c->compose, &ignored, &p) < 0)
		p = NULL;
	diag_done(&ignored);
	for (size_t i = 0; p && i < p->n_services; i++) {
		auto_free char *text = xasprintf("%s%s", p->services[i].name, behind);

		if (!is_given(a, from, p->services[i].name))
			offer(a, text, p->services[i].image);
	}
	project_free(p);
}

static void offer_profiles(const struct asked *a)
{
	struct project *p = NULL;
	struct diag ignored = DIAG_INIT;
	auto_strs struct strs seen = STRS_INIT;

	cli_compose_opts(a->c);
	if (compose_load(&a->c->compose, &ignored, &p) < 0)
		p = NULL;
	diag_done(&ignored);
	for (size_t i = 0; p && i < p->n_services + p->n_disabled; i++) {
		const struct strv *profiles = i < p->n_services ? &p->services[i].profiles : &p->disabled[i - p->n_services].profiles;

		for (size_t k = 0; k < profiles->n; k++) {
			if (strs_has(&seen, profiles->v[k]))
				continue;
			strs_add(&seen, profiles->v[k]);
			offer(a, profiles->v[k], NULL);
		}
	}
	project_free(p);
}

static void offer_images(const struct asked *a)
{
	struct image_store *store = NULL;
	auto_json json_t *list = NULL;
	const json_t *image;
	size_t i;

	if (cli_need(a->c, 0, NULL) || image_store_open(a->c->dirs.state, &store, NULL) < 0)
		return;
	list = image_list(store, NULL);
	json_array_foreach(list, i, image) {
		auto_free char *repository = NULL, *tag = NULL, *name = NULL;

		image_name_split(jx_str(image, "ref"), &repository, &tag);
		name = xasprintf("%s:%s", repository, tag);
		if (*name != '<')
			offer(a, name, NULL);
	}
	image_store_close(store);
}

/* Those that can be gone back to; their files are named by their numbers. */
static void offer_generations(const struct asked *a)
{
	auto_free char *path = NULL;
	auto_closedir DIR *d = NULL;

	cli_compose_opts(a->c);
	if (cli_need(a->c, NEED_NAME, NULL))
		return;
	path = xasprintf("%s/projects/%s/generations", a->c->dirs.state, a->c->name);
	d = opendir(path);
	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		auto_free char *number = xstrndup(e->d_name, strspn(e->d_name, "0123456789"));

		if (*number && STREQ(e->d_name + strlen(number), ".json"))
			offer(a, number, NULL);
	}
}

static void offer_projects(const struct asked *a)
{
	char **names = NULL;

	if (cli_need(a->c, 0, NULL) == 0 && dirs_projects(&a->c->dirs, &names, NULL) == 0)
		for (char **p = names; p && *p; p++)
			offer(a, *p, NULL);
	for (char **p = names; p && *p; p++)
		free(*p);
	free(names);
}

/* ------------------------------------------------------------------ where the cursor stands */

/* What a flag's value may be, by what the help calls it; the rest is for people to know. */
static void offer_value(const struct asked *a, const struct opt *o)
{
	if (o->arg && STREQ(o->arg, "SERVICE"))
		offer_services(a, a->n, "");
	else if (o->arg && STREQ(o->arg, "SERVICE=N"))
		offer_services(a, a->n, "=");
	else if (STREQ(o->name, "project-name"))
		offer_projects(a);
	else if (STREQ(o->name, "profile"))
		offer_profiles(a);
	offer_words(a, o->values ? o->values : "");
}

/* The flag that wants the word behind `word` as its value; NULL: none. */
static const struct opt *wants_value(const struct opt *table, const char *word)
{
	const struct opt *o = NULL;

	if (str_starts(word, "--") && !strchr(word, '='))
		o = opt_find(table, word + 2, 0);
	else if (word[0] == '-' && word[1] && !word[2])
		o = opt_find(table, NULL, word[1]);
	return o && opt_takes_value(o) ? o : NULL;
}

/* Within "--flag=value" what the value may be. False: the last word is no such thing. */
static bool complete_joined_value(struct asked *a, const struct opt *table)
{
	const char *eq = strchr(a->current, '=');
	auto_free char *flag = eq && str_starts(a->current, "--") ? xstrndup(a->current, (size_t)(eq - a->current)) : NULL;
	const struct opt *o = flag ? wants_value(table, flag) : NULL;
	auto_free char *before = o ? xasprintf("%s=", flag) : NULL;

	if (!flag)
		return false;
	a->current = eq + 1;
	a->before = before;
	if (o)
		offer_value(a, o);
	a->before = "";
	return true;
}

/* One of a command's arguments, by what its usage calls them; args stand before it. */
static void complete_arg(const struct asked *a, const struct cmd *cmd, size_t from, size_t args)
{
	if (cmd->max_args >= 0 && args >= (size_t)cmd->max_args)
		return;
	if (str_starts(cmd->args, "SERVICE=N"))
		offer_services(a, from, "=");
	else if (strstr(cmd->args, "SERVICE:"))
		offer_services(a, a->n, ":");
	else if (strstr(cmd->args, "GENERATION"))
		offer_generations(a);
	else if (strstr(cmd->args, "IMAGE"))
		offer_images(a);
	else if (cmd == &cmd_completion)
		offer_words(a, "bash zsh fish");
	else if ((cmd->needs & (ARGS_ARE_SERVICES | NEED_MODEL)) || (args == 0 && strstr(cmd->args, "SERVICE")))
		offer_services(a, from, "");
}

/* Behind a command: its flags, their values, its arguments. */
static void complete_args(struct asked *a, const struct cmd *cmd, size_t from)
{
	const struct opt *o = a->n >= from + 2 ? wants_value(cmd->opts, a->word[a->n - 2]) : NULL;
	size_t args = 0;

	for (size_t i = from; i + 1 < a->n; i++) {
		if (wants_value(cmd->opts, a->word[i]))
			i++;
		else
			args += a->word[i][0] != '-';
	}
	if (o)
		offer_value(a, o);
	else if ((cmd->needs & STOP_AT_ARG) && args > 0)
		return;
	else if (complete_joined_value(a, cmd->opts))
		return;
	else if (*a->current == '-')
		offer_flags(a, cmd->opts);
	else
		complete_arg(a, cmd, from, args);
}

static void complete_cmd(struct asked *a, size_t at)
{
	const struct cmd *const *list = cli_cmds;
	const struct cmd *cmd;

	while (at + 1 < a->n) {
		cmd = cmd_find(list, a->word[at++]);
		if (!cmd)
			return;
		if (!cmd->subs) {
			complete_args(a, cmd, at);
			return;
		}
		list = cmd->subs;
	}
	offer_cmds(a, list);
}

/* The global flags before the command say which project it is. */
static int complete_run(struct cli *c, const void *opts, struct err *err)
{
	struct asked a = { .c = c, .word = c->args.v, .n = c->args.n, .current = c->args.v[c->args.n - 1], .before = "" };
	struct opt_args rest = { 0 };
	const struct opt *o = NULL;
	size_t at = 0;

	while (at + 1 < a.n && a.word[at][0] == '-') {
		o = wants_value(cli_flags, a.word[at]);
		at += o ? 2 : 1;
	}
	if (at >= a.n) {
		offer_value(&a, o);
		return 0;
	}
	auto_free char **globals = xcalloc(at + 1, sizeof *globals);
	memcpy(globals, a.word, at * sizeof *globals);
	opt_done(cli_flags, &c->g);
	c->g = (struct global_opts){ 0 };
	if (opt_parse(cli_flags, &c->g, NULL, globals, true, &rest, NULL) < 0 || (at + 1 == a.n && *a.current == '-')) {
		if (!complete_joined_value(&a, cli_flags))
			offer_flags(&a, cli_flags);
	} else {
		complete_cmd(&a, at);
	}
	opt_args_done(&rest);
	return 0;
}

const struct cmd cmd_complete = {
	.name = "__complete",
	.args = "-- WORD...",
	.summary = "say what may stand in the place of the last word",
	.needs = STOP_AT_ARG | NOT_IN_LIST,
	.min_args = 1,
	.max_args = -1,
	.run = complete_run,
};

/* ------------------------------------------------------------------ the scripts */

static const struct {
	const char *shell, *script;
} scripts[] = {
	/* bash ends words at "=" and ":", too: they are put together again, and of the answer only what is behind counts */
	{ "bash",
	  "_davit() {\n"
	  "\tlocal IFS=$'\\n' word line=()\n"
	  "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD}\"; do\n"
	  "\t\tif ((${#line[@]})) && [[ -n $word && ($word == [=:]* || ${line[-1]} == *[=:]) ]]; then line[-1]+=$word; else line+=(\"$word\"); fi\n"
	  "\tdone\n"
	  "\tword=${line[-1]}\n"
	  "\tCOMPREPLY=($(\"${COMP_WORDS[0]}\" __complete -- \"${line[@]}\" 2>/dev/null | cut -f 1))\n"
	  "\t[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *[=:] ]] || compopt -o nospace\n"
	  "\t[[ $word == \"${COMP_WORDS[COMP_CWORD]}\" ]] || COMPREPLY=(\"${COMPREPLY[@]#\"${word%\"${word##*[=:]}\"}\"}\")\n"
	  "}\n"
	  "complete -o default -F _davit davit\n" },
	{ "zsh",
	  "#compdef davit\n"
	  "_davit() {\n"
	  "\tlocal -a found more\n"
	  "\tfound=(${(f)\"$(\"${words[1]}\" __complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null | sed 's/:/\\\\:/g; s/\\t/:/')\"})\n"
	  "\tmore=(${(M)found:#*(=|\\\\:):*})\n"
	  "\tif (( $#more )); then _describe davit more -S ''; elif (( $#found )); then _describe davit found; else _files; fi\n"
	  "}\n"
	  "if [ \"$funcstack[1]\" = _davit ]; then _davit \"$@\"; else compdef _davit davit; fi\n" },
	{ "fish",
	  "function __davit_complete\n"
	  "\tset -l words (commandline -opc)\n"
	  "\t$words[1] __complete -- $words[2..-1] (commandline -ct) 2>/dev/null\n"
	  "end\n"
	  "complete -c davit -f -n 'test -n \"$(__davit_complete)\"' -a '(__davit_complete)'\n" },
};

static int completion_run(struct cli *c, const void *opts, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
		if (!STREQ(scripts[i].shell, c->args.v[0]))
			continue;
		ui_print(&c->ui, "%s", scripts[i].script);
		return 0;
	}
	return err_set(err, ERR_USAGE, "no completion for '%s': there are bash, zsh and fish", c->args.v[0]);
}

const struct cmd cmd_completion = {
	.name = "completion",
	.needs = ONLY_LOOKS,
	.args = "SHELL",
	.summary = "print a script that completes davit's command line: bash, zsh or fish",
	.details = "bash: source <(davit completion bash)      zsh: davit completion zsh >\"${fpath[1]}/_davit\"\n"
		   "fish: davit completion fish >~/.config/fish/completions/davit.fish",
	.min_args = 1,
	.max_args = 1,
	.run = completion_run,
};
