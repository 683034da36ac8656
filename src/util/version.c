#include "version.h"

#ifndef DAVIT_NUMBER
#define DAVIT_NUMBER "0.1.0"
#endif
#ifndef DAVIT_DATE
#define DAVIT_DATE "2026-11-21"
#endif
#ifndef DAVIT_WIRE
#define DAVIT_WIRE 1
#define DAVIT_WIRE_OLDEST 1
#endif

const struct version davit_version = { DAVIT_NUMBER, DAVIT_DATE, DAVIT_WIRE, DAVIT_WIRE_OLDEST };
