/* attr_rows.h - rows that several tables share; private to the attr files. */
#pragma once

#include "attr.h"

/* Each is one row (and the end of a table, so that it can be the kids of a list). */
extern const struct attr attr_str_item[], attr_text_item[], attr_scalar_item[];
extern const struct attr attr_text, attr_option, attr_option_or_null, attr_text_or_null, attr_ulimit, attr_build_ulimit, attr_file_ref_item;
