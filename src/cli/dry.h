/* dry.h - what a request would change, computed from what is on disk and in the kernel, and shown instead of being carried out.
 *
 * Nothing is written, locked or started, and no supervisor is asked: its journal says what it knows. */
#pragma once

#include <jansson.h>

#include "../plan/explain.h"
#include "cli.h"
#include "image_need.h"

/* What the request (borrowed) would change if it were made now. needs: the images that would be had first, decided upon; may be NULL.
 * 0 or -1. */
int dry_changes(struct cli *c, const json_t *req, const struct image_needs *needs, struct changes *ret, struct err *err);
/* Volumes and networks, which have a place of their own to be looked up in; p is the plan; model: the request's own, last: the one in force
 * until now, either may be NULL. */
int dry_networks(struct cli *c, const struct project *model, const struct plan *p, struct changes *out, struct err *err);
int dry_volumes(struct cli *c, const struct project *model, const struct project *last, const struct plan *p, struct changes *out, struct err *err);
void dry_images(const struct image_needs *needs, struct changes *out);

void dry_print_text(struct ui *ui, const struct changes *changes);
/* {"changes": [{"resource", "name", "service", "action", "why", "orphan", "fields": [{"path", "from", "to", "note"}]}], "summary": {action: number}} */
void dry_print_json(struct ui *ui, const struct changes *changes);
/* --- --dry-run: each prints what the command would do, and returns its exit status, or -1 --- */
/* It would make this request, which is taken. */
int dry_run(struct cli *c, json_t *req, struct err *err);
/* The changes are these; they are released. */
int dry_show(struct cli *c, struct changes *changes);
/* Of a command that does not say in detail what it would do. */
int dry_refrain(struct cli *c);
