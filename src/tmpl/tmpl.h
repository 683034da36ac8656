/* tmpl.h - Go templates over JSON values, as far as people write them after --format (Go's text/template; docker's functions).
 *
 *	{{.Name}}  {{.Config.Env}}  {{$.Name}}  {{json .}}  {{.Name | upper}}  {{printf "%-10s" .Name}}  {{.Label "key"}}
 *	{{if eq .State "running"}}…{{else if …}}…{{else}}…{{end}}   {{range .Mounts}}…{{else}}…{{end}}   {{with .Health}}…{{end}}
 *	{{- trims white space before and behind -}}
 * Functions: see funcs.c. No variables but $ (the whole), no definitions.
 *
 * The data is an object whose keys are the fields that there are: another one is a mistake (ERR_USAGE, with the nearest name). Further down
 * a key that is missing is "<no value>", as in Go for maps. */
#pragma once

#include <jansson.h>

#include "../util/buf.h"
#include "../util/err.h"

enum { TMPL_MAX = 64 << 10 };

struct tmpl;
/* ERR_USAGE says what is wrong and at which character (from 1); at most TMPL_MAX bytes, 32 blocks or parentheses deep. */
int tmpl_parse(const char *text, struct tmpl **ret, struct err *err);
void tmpl_free(struct tmpl *t);
/* Adds to out, also what came before an error. */
int tmpl_run(const struct tmpl *t, const json_t *data, struct buf *out, struct err *err);
