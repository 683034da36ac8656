# davit - one small program per job, one archive per folder. `make help` lists the targets.

B      ?= build
PREFIX ?= /usr/local
CC     ?= cc
Q      := $(if $(V),,@)

WARN := -std=gnu11 -Wall -Wextra -Wshadow -Wvla -Wundef -Wformat=2 -Wwrite-strings -Wstrict-prototypes \
        -Wmissing-prototypes -Wno-unused-parameter -Wno-missing-field-initializers $(if $(WERROR),-Werror)
CFLAGS   ?= -O2 -g
CPPFLAGS += -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -include src/util/banned.h
HARDEN   := -fstack-protector-strong -fno-strict-aliasing $(if $(findstring -O2,$(CFLAGS)),-D_FORTIFY_SOURCE=2)
LDFLAGS  += -Wl,-z,relro,-z,now -Wl,--as-needed

# Who may link whom: the arrows of the house. A folder is an archive; its unit tests link only what stands here.
LAYERS := src/util compose netdrv volumes src/image src/copy src/pack src/reg src/transfer src/verb src/oci src/state src/plan src/ctl src/super src/doctor src/build src/tmpl src/watch src/cli

USES_src/util  :=
USES_compose   := src/util
USES_netdrv    := src/util
USES_volumes   := src/util
USES_src/state := src/util
USES_src/image := src/util
USES_src/copy  := src/util
USES_src/pack  := src/image src/copy src/util
USES_src/reg   := src/image src/util
USES_src/transfer := src/reg src/pack src/image src/copy src/util
USES_src/verb  := src/transfer src/pack src/reg src/image src/copy src/state compose src/util
USES_src/oci   := src/util
USES_src/plan  := compose src/state src/util
USES_src/ctl   := src/state src/util
USES_src/super := src/plan src/ctl netdrv volumes src/oci src/image src/state compose src/util
USES_src/doctor := src/ctl netdrv src/oci src/state src/util
USES_src/build := compose src/image src/util
USES_src/tmpl  := src/util
USES_src/watch := src/util
USES_src/cli   := src/watch src/copy src/build src/tmpl src/doctor src/super src/ctl src/plan src/oci src/image src/state compose netdrv volumes src/util

LIBS_src/util  := -lnettle -ljansson
LIBS_compose   := -lyaml
LIBS_netdrv    := -lnl-route-3 -lnl-3 -levent_core
LIBS_src/pack  := -larchive
LIBS_src/reg   := -lcurl -levent_core
LIBS_src/super := -levent_core

PKGS     := yaml-0.1 libevent_core libnl-3.0 libnl-route-3.0 jansson libarchive libcurl nettle
CPPFLAGS += $(shell pkg-config --cflags $(PKGS) 2>/dev/null)

PROGRAMS := $(B)/davit $(B)/davit-keeper $(B)/davit-image $(B)/davit-init

all: $(PROGRAMS)

lib  = $(B)/$(1)/lib$(subst /,-,$(1)).a
objs = $(patsubst %.c,$(B)/%.o,$(wildcard $(1)/*.c))
# the archives of $(1) and below, users before the used; and the libraries they need
may  = $(call lib,$(1)) $(foreach u,$(USES_$(1)),$(call lib,$(u)))
need = $(LIBS_$(1)) $(foreach u,$(USES_$(1)),$(LIBS_$(u))) -ljansson

define LAYER
$(call lib,$(1)): $(call objs,$(1))
	$(Q)mkdir -p $$(@D) && rm -f $$@ && $(AR) rcs $$@ $$^
$(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/$(1)/*_test.c)): $(B)/tests/unit/%: $(B)/tests/unit/%.o $(call may,$(1))
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $$@ $$^ $(call need,$(1)) -lcmocka
UNIT_TESTS += $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/$(1)/*_test.c))
endef
$(foreach l,$(LAYERS),$(eval $(call LAYER,$(l))))

LIBS_davit := $(call may,src/cli) $(call lib,netdrv) $(call lib,volumes)
NEED_davit := -lyaml -levent_core -lnl-route-3 -lnl-3 -ljansson -lnettle

$(B)/davit: $(B)/src/main.o $(LIBS_davit)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -Wl,--start-group $(LIBS_davit) -Wl,--end-group $(NEED_davit)

$(B)/davit-image: $(B)/src/image_main.o $(call may,src/verb)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(call need,src/verb)

# The two static ones are small enough to do without sanitizers, which cannot be linked statically.
$(B)/davit-keeper $(B)/davit-init: override CFLAGS := $(filter-out -fsanitize% -fno-sanitize%,$(CFLAGS))

$(B)/davit-keeper: $(call objs,src/keeper)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^

$(B)/davit-init: $(B)/src/init/init.o
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -static -o $@ $^

$(B)/tests/unit/src/oci/init_test: | $(B)/davit-init

$(B)/%.o: %.c
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(WARN) $(HARDEN) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(wildcard $(addprefix $(B)/,src compose netdrv volumes tests)) -name '*.d' -type f 2>/dev/null)

# For the tests of upgrades: the same objects under another version. next/ is a newer one that still speaks our protocol, far/ one that
# does not. Only the object of the version is compiled anew.
VERSION_next := -DDAVIT_NUMBER='"0.2.0"' -DDAVIT_WIRE=2 -DDAVIT_WIRE_OLDEST=1
VERSION_far  := -DDAVIT_NUMBER='"9.0.0"' -DDAVIT_WIRE=9 -DDAVIT_WIRE_OLDEST=9
others: $(B)/next/davit $(B)/far/davit

$(B)/next/davit $(B)/far/davit: $(B)/%/davit: $(B)/davit src/util/version.c
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS) $(VERSION_$*) $(CFLAGS) -c -o $(@D)/version.o src/util/version.c
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(B)/src/main.o $(@D)/version.o -Wl,--start-group $(LIBS_davit) -Wl,--end-group $(NEED_davit)
	$(Q)ln -f $(filter-out $<,$(PROGRAMS)) $(@D)

# ------------------------------------------------------------------ what people type

# deps comes first wherever packages may be missing; what pkg-config says is asked anew by the make below it.
demo check bench: deps
	$(Q)$(MAKE) --no-print-directory do-$@

do-demo: all
	$(Q)samples/images/make-images $(B)/images redis web busybox
	$(Q)samples/web-and-redis/demo $(B)/davit $(B)/images

do-check:
	$(Q)tests/check $(B)

do-bench: all others images
	$(Q)tests/bench/run $(B)/davit $(B)/images
	$(Q)tests/bench/commands $(B)/davit $(B)/images
	$(Q)tests/bench/survive $(B)/davit $(B)/images

# Pulling and loading, beside podman.
bench-images: all
	$(Q)tests/deps bench
	$(Q)samples/images/make-images $(B)/images large
	$(Q)tests/bench/images $(B)/davit $(B)/images

deps:
	$(Q)tests/deps

images:
	$(Q)samples/images/make-images $(B)/images

install: all man
	install -D -m 755 $(B)/davit $(DESTDIR)$(PREFIX)/bin/davit
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/libexec/davit $(filter-out $(B)/davit,$(PROGRAMS))
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(B)/man/*.1

# One page a command, made of the tables that parse and help.
man: $(B)/davit
	$(Q)rm -rf $(B)/man && mkdir -p $(B)/man
	$(Q)$< __man | while read -r page; do $< __man "$$page" >"$(B)/man/$$page.1" || exit 1; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/davit.1 $(DESTDIR)$(PREFIX)/share/man/man1/davit-*.1
	rm -f $(DESTDIR)$(PREFIX)/bin/davit
	rm -rf $(DESTDIR)$(PREFIX)/libexec/davit

# ------------------------------------------------------------------ tests, one kind at a time

units: $(UNIT_TESTS)
	$(Q)tests/run-units $(UNIT_TESTS)

# As root; installs QEMU and makes an image on its first run.
vm: all images
	$(Q)tests/vm/run $(B)

golden: $(B)/davit
	$(Q)tests/golden/run --cmd $<

# make stories STORIES=tests/stories/net.bats
STORIES ?= $(wildcard tests/stories/*.bats)
stories: all others images
	$(Q)tests/run-stories $(B)/davit $(B)/images $(STORIES)

# make crash-points [CRASH_TRIALS=20 | CRASH_ALL=1] [CRASH_SEED=N] [CRASH_PHASES="up down"]; see tests/crash/run
CRASH_PHASES ?=
crash-points: all others images $(B)/tests/crash/killer
	$(Q)tests/crash/run $(B)/davit $(B)/tests/crash/killer $(B)/images $(CRASH_PHASES)

# make crash-pull [CRASH_TRIALS=40] [CRASH_SEED=N]: davit-image is killed at random moments of a pull, a load, an unpacking; see tests/crash/pull
crash-pull: all images
	$(Q)tests/crash/pull $(B)/davit $(B)/images

$(B)/tests/crash/killer: $(B)/tests/crash/killer.o
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

# make edits [EDITS=200] [EDITS_SEED=N]: random edits of random projects, with and without a kill: plan says what up does; see tests/edits/run
EDITS ?= 200
edits: all images
	$(Q)EDITS=$(EDITS) tests/edits/run $(B)/davit $(B)/images

# make soak [SOAK_RESTARTS=N] [SOAK_UPS=N]: containers restart, projects go up and down, nothing may grow
soak: all images
	$(Q)tests/soak/run $(B)/davit $(B)/images

# make rolling [ROLLING_UPDATES=20] [ROLLING_REQUESTS=100000]: updates under load, and how many requests failed; see tests/rolling/run
rolling: all images
	$(Q)tests/rolling/run $(B)/davit $(B)/images

ASAN := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
asan-units asan-golden: asan-%:
	$(Q)$(MAKE) --no-print-directory B=$(B)/asan CFLAGS='$(ASAN)' $*

# Each tests/fuzz/NAME_fuzz.c is a target, tests/fuzz/corpus/NAME is what it starts from and tests/fuzz/NAME.dict its words, if there.
# Needs clang and its sanitizers' runtime. make fuzz FUZZ_S=600 FUZZERS=tests/fuzz/yaml_fuzz.c
FUZZ_S  ?= 60
FUZZERS ?= $(wildcard tests/fuzz/*_fuzz.c)
FUZZ    := address,undefined
fuzz:
	$(Q)$(MAKE) --no-print-directory B=$(B)/fuzz CC=clang CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,$(FUZZ)' do-fuzz

do-fuzz: $(patsubst %.c,$(B)/%,$(FUZZERS))
	$(Q)tests/run-fuzz $(B) $(FUZZ_S) $^

$(patsubst %.c,$(B)/%,$(FUZZERS)): $(B)/%: $(B)/%.o $(call lib,compose) $(call lib,netdrv) $(call may,src/reg) $(call lib,src/pack) $(call lib,src/copy) $(call lib,src/watch) $(call lib,src/build)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer,$(FUZZ) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(call need,compose) $(call need,netdrv) $(LIBS_src/pack)

clean:
	rm -rf $(B)

help:
	@echo 'make            build into $(B)/'
	@echo 'make demo       as root: packages, build, images, then bring the sample stack up and show it'
	@echo 'make check      as root: packages, build, every test; ends with "N passed, N failed"'
	@echo 'make units | golden | stories | asan-units | asan-golden    one kind of test'
	@echo 'make crash-points    as root: davit is killed at its N-th system call (CRASH_TRIALS of each kind, CRASH_ALL=1: each)'
	@echo 'make crash-pull    as root: davit-image is killed at random moments of pulls, loads and unpacking (CRASH_TRIALS)'
	@echo 'make edits      as root: EDITS (200) random edits of random projects: plan says what up does, also when it is killed'
	@echo 'make soak       as root, some minutes: SOAK_RESTARTS (10000) restarts, SOAK_UPS (1000) times up and down, and what is left of them'
	@echo 'make rolling    as root, a few minutes: ROLLING_UPDATES (20) rolling updates under ROLLING_REQUESTS (100000) requests, five ways'
	@echo 'make fuzz       FUZZ_S seconds of each fuzz target (FUZZERS), with clang'
	@echo 'make vm         as root: tests in a virtual machine: boot, power cuts, systemd, clocks'
	@echo 'make bench      as root: figures of speed and memory'
	@echo 'make bench-images    as root: pulling and loading an image, beside podman'
	@echo 'make man        manual pages, into $(B)/man'
	@echo 'make install | uninstall    into, from PREFIX=$(PREFIX), below DESTDIR'
	@echo 'make deps | images | clean'
	@echo 'Variables: B=DIR builds elsewhere, V=1 shows commands, WERROR=1 makes warnings errors'

.PHONY: man rolling vm bench-images edits soak crash-points crash-pull all others demo check bench do-demo do-check do-bench deps images install uninstall units golden stories asan-units asan-golden fuzz do-fuzz clean help
.DEFAULT_GOAL := all
