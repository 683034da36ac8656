/* attr_project.c - the rows of a file's top level, and those that several tables share, in the order of printing. */
/* clang-format off: a row is a line, a table has columns */
#include "attr_rows.h"
#include "canon.h"

const struct attr attr_str_item[] = { { "", A_STR, M_REPLACE }, { 0 } };
const struct attr attr_text_item[] = { { "", A_TEXT, M_REPLACE, AF_KEEP }, { 0 } };
const struct attr attr_scalar_item[] = { { "", A_SCALAR, M_REPLACE, AF_KEEP }, { 0 } };
const struct attr attr_option = { "", A_TEXT, M_REPLACE, AF_KEEP | AF_FRAC };
const struct attr attr_text = { "", A_TEXT, M_REPLACE, AF_KEEP };
const struct attr attr_option_or_null = { "", A_TEXT, M_REPLACE, AF_NULL | AF_KEEP | AF_FRAC };
const struct attr attr_text_or_null = { "", A_TEXT, M_REPLACE, AF_NULL | AF_KEEP };

static const struct attr ulimit_pair[] = {
	{ "soft", A_INT, M_REPLACE, AF_REQ, .help = "what holds at first" },
	{ "hard", A_INT, M_REPLACE, AF_REQ, .help = "what the process may raise it to" },
	{ 0 }
};
const struct attr attr_ulimit = { "", A_OBJ, M_REPLACE, AF_KEEP | AF_ZERO, .kids = ulimit_pair,
	.canon = canon_ulimit };
const struct attr attr_build_ulimit = { "", A_OBJ, M_REPLACE, AF_KEEP | AF_ZERO | AF_BARE, .kids = ulimit_pair,
	.canon = canon_ulimit };

static const struct attr file_ref[] = {
	{ "source", A_STR, M_REPLACE, .help = "name of the config or secret" },
	{ "target", A_STR, M_REPLACE, .help = "where it is mounted" },
	{ "uid",    A_STR, M_REPLACE, .help = "owner" },
	{ "gid",    A_STR, M_REPLACE, .help = "group" },
	{ "mode",   A_STR, M_REPLACE, AF_RAW, .canon = canon_mode, .help = "permissions" },
	{ 0 }
};
const struct attr attr_file_ref_item = { "", A_OBJ, M_REPLACE, .kids = file_ref };

/* ------------------------------------------------------------------ top-level elements */

static const struct attr aux_address = { "", A_STR, M_REPLACE, AF_KEEP };
static const struct attr ipam_config[] = {
	{ "subnet",        A_STR, M_REPLACE, .help = "the subnet" },
	{ "gateway",       A_STR, M_REPLACE, .help = "address of the gateway" },
	{ "ip_range",      A_STR, M_REPLACE, .help = "where addresses are taken from" },
	{ "aux_addresses", A_MAP, M_DEEP,    AF_LATER | AF_NOX, .kids = &aux_address,
	  .help = "addresses that are taken" },
	{ 0 }
};
static const struct attr ipam_config_item = { "", A_OBJ, M_REPLACE, AF_KEEP | AF_XLESS, .kids = ipam_config };
static const struct attr ipam[] = {
	{ "driver",  A_STR, M_REPLACE, .help = "who gives addresses" },
	{ "config",  A_SEQ, M_SUBNETS, .kids = &ipam_config_item, .help = "subnets" },
	{ "options", A_MAP, M_DEEP,    AF_LATER | AF_HIDE | AF_NOX, .kids = &aux_address,
	  .help = "options of that driver" },
	{ 0 }
};
static const struct attr network[] = {
	{ "name",        A_STR,  M_REPLACE, .help = "its real name" },
	{ "driver",      A_STR,  M_REPLACE, .help = "network driver" },
	{ "driver_opts", A_MAP,  M_DEEP,    AF_NOX, .kids = &attr_option, .help = "options of the driver" },
	{ "ipam",        A_OBJ,  M_DEEP,    AF_KEEP | AF_VALUE, .kids = ipam, .help = "addresses" },
	{ "external",    A_BOOL, M_REPLACE, .help = "it exists already" },
	{ "internal",    A_BOOL, M_REPLACE, .help = "no way out" },
	{ "attachable",  A_BOOL, M_REPLACE, .help = "others may join" },
	{ "labels",      A_KV,   M_DEEP,    .help = "labels" },
	{ "enable_ipv4", A_BOOL, M_REPLACE, AF_KEEP, .help = "IPv4 addresses" },
	{ "enable_ipv6", A_BOOL, M_REPLACE, AF_KEEP | AF_LATER, .help = "IPv6 addresses" },
	{ 0 }
};
static const struct attr network_item = { "", A_OBJ, M_DEEP, AF_NULL | AF_KEEP, .kids = network,
	.canon = canon_external };

static const struct attr volume[] = {
	{ "name",        A_STR,  M_REPLACE, .help = "its real name" },
	{ "driver",      A_STR,  M_REPLACE, .help = "volume driver" },
	{ "driver_opts", A_MAP,  M_DEEP,    AF_NOX, .kids = &attr_option, .help = "options of the driver" },
	{ "external",    A_BOOL, M_REPLACE, .help = "it exists already" },
	{ "labels",      A_KV,   M_DEEP,    AF_ONCE, .help = "labels" },
	{ 0 }
};
static const struct attr volume_item = { "", A_OBJ, M_DEEP, AF_NULL | AF_KEEP, .kids = volume,
	.canon = canon_external };

static const struct attr config[] = {
	{ "name",            A_STR,  M_REPLACE, .help = "its real name" },
	{ "file",            A_STR,  M_REPLACE, .help = "file that holds it" },
	{ "environment",     A_STR,  M_REPLACE, .help = "variable that holds it" },
	{ "content",         A_STR,  M_REPLACE, .help = "the text itself" },
	{ "external",        A_BOOL, M_REPLACE, .help = "it exists already" },
	{ "labels",          A_KV,   M_DEEP,    AF_ONCE, .help = "labels" },
	{ "template_driver", A_STR,  M_REPLACE, AF_NOTE, .help = "templating driver" },
	{ 0 }
};
static const struct attr config_item = { "", A_OBJ, M_DEEP, AF_KEEP, .kids = config,
	.canon = canon_external };

static const struct attr secret[] = {
	{ "name",            A_STR,  M_REPLACE, .help = "its real name" },
	{ "file",            A_STR,  M_REPLACE, .help = "file that holds it" },
	{ "environment",     A_STR,  M_REPLACE, .help = "variable that holds it" },
	{ "external",        A_BOOL, M_REPLACE, .help = "it exists already" },
	{ "labels",          A_KV,   M_DEEP,    AF_ONCE, .help = "labels" },
	{ "driver",          A_STR,  M_REPLACE, AF_NOTE, .help = "secret driver" },
	{ "driver_opts",     A_MAP,  M_DEEP,    AF_NOTE | AF_NOX, .kids = &attr_text,
	  .help = "options of the driver" },
	{ "template_driver", A_STR,  M_REPLACE, AF_NOTE, .help = "templating driver" },
	{ 0 }
};
static const struct attr secret_item = { "", A_OBJ, M_DEEP, AF_KEEP, .kids = secret,
	.canon = canon_external };

static const struct attr model[] = {
	{ "name",          A_STR, M_REPLACE, .help = "its real name" },
	{ "model",         A_STR, M_REPLACE, AF_REQ, .help = "the model" },
	{ "context_size",  A_INT, M_REPLACE, AF_BARE, .help = "size of the context" },
	{ "runtime_flags", A_SEQ, M_APPEND, .kids = attr_str_item, .help = "flags of the engine" },
	{ 0 }
};
static const struct attr model_item = { "", A_OBJ, M_DEEP, AF_KEEP, .kids = model };

static const struct attr include[] = {
	{ "env_file",          A_SEQ, M_APPEND,  AF_ONE, .kids = attr_str_item,
	  .help = "files for its variables" },
	{ "path",              A_SEQ, M_APPEND,  AF_ONE, .kids = attr_str_item, .help = "the files" },
	{ "project_directory", A_STR, M_REPLACE, .help = "what its paths are relative to" },
	{ 0 }
};
static const struct attr include_item = { "", A_OBJ, M_REPLACE, AF_OPEN, .kids = include,
	.canon = canon_include_item };

static const struct attr root[] = {
	{ "configs",  A_MAP, M_DEEP,    AF_DOTTED, .kids = &config_item, .help = "configuration files" },
	{ "include",  A_SEQ, M_APPEND,  AF_HIDE, .kids = &include_item, .help = "other projects to include" },
	{ "models",   A_MAP, M_DEEP,    AF_NOTE | AF_YAML, .kids = &model_item,
	  .help = "language models" },
	{ "name",     A_STR, M_REPLACE, .help = "name of the project" },
	{ "networks", A_MAP, M_DEEP,    .kids = &network_item, .help = "networks" },
	{ "secrets",  A_MAP, M_DEEP,    AF_DOTTED, .kids = &secret_item, .help = "secrets" },
	{ "services", A_MAP, M_DEEP,    AF_DOTTED | AF_KEEP, .kids = &attr_service, .help = "services" },
	{ "version",  A_STR, M_REPLACE, AF_HIDE, .help = "obsolete, ignored" },
	{ "volumes",  A_MAP, M_DEEP,    AF_DOTTED, .kids = &volume_item, .help = "volumes" },
	{ 0 }
};
const struct attr attr_root = { "", A_OBJ, M_DEEP, AF_KEEP, .kids = root, .help = "a compose file" };
