/* fw_docker.h - the one foreign chain that is touched: DOCKER-USER, where Docker made DROP the policy of
 * FORWARD. */
#pragma once

#include "net.h"

/* Makes the rules of the project in DOCKER-USER what spec asks for (no networks: none); nothing where there
 * is no such chain. (worker) */
int fw_docker_apply(const struct fw_spec *spec, struct err *err);
