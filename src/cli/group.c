/* group.c - commands within commands: `davit image ls`. A group is a row whose rows have its name before their own. */
#include "cli.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"

static const char *own_word(const struct cmd *cmd)
{
	const char *space = strrchr(cmd->name, ' ');

	return space ? space + 1 : cmd->name;
}

const struct cmd *cmd_find(const struct cmd *const *list, const char *word)
{
	for (; *list; list++)
		if (STREQ(own_word(*list), word) || str_eq((*list)->alias, word))
			return *list;
	return NULL;
}

const char *cmd_near(const struct cmd *const *list, const char *word, const char *also)
{
	size_t n = 0;
	const char *near;

	while (list[n])
		n++;
	auto_free const char **words = xcalloc(n + 2, sizeof *words);
	for (size_t i = 0; i < n; i++)
		words[i] = own_word(list[i]);
	words[n] = also;
	near = str_nearest(word, words);
	return near;
}

static int unknown(const struct cmd *group, const char *word, struct err *err)
{
	const char *near = cmd_near(group->subs, word, NULL);

	if (*word == '-')
		err_set(err, ERR_USAGE, "unknown flag: %s", word);
	else
		err_set(err, ERR_USAGE, "unknown command: '%s %s'", group->name, word);
	return near ? err_hint(err, "did you mean '%s %s'?", group->name, near)
		    : err_hint(err, "'davit %s --help' lists the commands", group->name);
}

int group_enter(const struct cmd **cmd, char ***argv, struct err *err)
{
	while ((*cmd)->subs) {
		const char *word = **argv;
		const struct cmd *sub;

		if (!word || STREQ(word, "-h") || STREQ(word, "--help") || STREQ(word, "help"))
			return OPT_HELP;
		sub = cmd_find((*cmd)->subs, word);
		if (!sub)
			return unknown(*cmd, word, err);
		*cmd = sub;
		(*argv)++;
	}
	return 0;
}

void cmd_list(struct ui *ui, const struct cmd *const *list)
{
	for (; *list; list++)
		if (!((*list)->needs & NOT_IN_LIST))
			ui_print(ui, "  %-10s %s\n", own_word(*list), (*list)->summary);
}

void group_help(struct ui *ui, const struct cmd *group)
{
	char first = (char)(group->summary[0] - ('a' - 'A'));

	ui_print(ui, "Usage: davit %s COMMAND\n\n%c%s.\n\nCommands:\n", group->name, first, group->summary + 1);
	cmd_list(ui, group->subs);
	ui_print(ui, "\n'davit %s COMMAND --help' says more about a command.\n", group->name);
}
