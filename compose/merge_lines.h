/* merge_lines.h - private to merge: what is merged while variables are left alone.
 *
 * Nobody knows then what a value comes to, so environment, labels and their like are merged as the lines that they were written
 * as, or would have been. */
#pragma once

struct arena;
struct node;

/* A list of lines: the list itself, "NAME=value" for each pair of a map (sorted), a single text; empty for nothing. */
struct node *lines_of(struct arena *a, struct node *n);
