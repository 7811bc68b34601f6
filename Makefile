# ngx_http_jimeng_module
#
#   make            build/ngx_http_jimeng_module.so, for the nginx of NGINX
#   make install    put it where nginx looks for modules (DESTDIR)
#   make demo       one picture, end to end; make run: stay in the foreground
#   make test       everything in t (TESTS="t/a.t t/b.t" for some of it), and on
#                   a Redis what has to be the same there: t/redis/a.t
#   make asan       the same on an nginx built with sanitizers
#   make newest     and on the newest nginx that Debian has, over HTTP/3 as well
#   make fuzz       every fuzz target for FUZZ_TIME seconds
#   make lint       floors, style, clang-tidy, cppcheck, shellcheck
#   make bench      benchmarks
#   make bench-asan the queue's, on an nginx built with sanitizers
#   make deps       install what all of this needs from Debian's packages
#   make clean      remove build
#
# NGINX      the nginx to build for and to test with
# NGINX_SRC  its source tree; Debian's nginx-dev by default

NGINX     = nginx
NGINX_SRC = /usr/share/nginx/src
CC        = gcc
CLANG     = clang-14
JOBS      = $(shell nproc)
TESTS     = $(sort $(wildcard t/*.t t/redis/*.t))
FUZZ_TIME = 60
DESTDIR   =

# Debian has nginx in /usr/sbin, which is not in every user's PATH.
NGINX_BIN := $(abspath $(shell PATH="$$PATH:/usr/sbin" command -v $(NGINX) \
                               || echo /usr/sbin/nginx))

MODULE = ngx_http_jimeng_module.so

CORE   := $(sort $(wildcard src/core/*/*.c))
SRC    := $(sort $(wildcard src/*.[ch] src/*/*.[ch] src/core/*/*.h)) $(CORE)
UNITS  := $(sort $(patsubst t/unit/%.c,%,$(wildcard t/unit/*.c)))
FUZZ   := $(sort $(patsubst t/fuzz/%.c,%, \
             $(filter-out t/fuzz/replay.c,$(wildcard t/fuzz/*.c))))

LIBS      = -lyajl -lcrypto
HIREDIS   = -lhiredis
WARNINGS  = -std=c11 -Wall -Wextra -Wconversion -Werror
SANITIZE  = -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS    = $(WARNINGS) -O1 -g -fno-omit-frame-pointer $(SANITIZE)
INCLUDES  = $(patsubst %/,-I%,$(wildcard src/core/*/)) -It/unit

# Two makes at a time would build over each other.
LOCK = mkdir -p build && flock build/lock

# As many jobs as there are processors, unless -j says otherwise.
PARALLEL = --no-print-directory \
           $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))

PROVE = prove -It/lib -j$$((2 * $(JOBS)))

export NGINX := $(NGINX_BIN)
export NGINX_SRC CC CLANG

# What programs say must not depend on the user's locale, nor must one that is
# not installed here, as after a login by ssh, make perl complain.
export LC_ALL := C


.PHONY: all install deps test check demo run asan asan-nginx newest \
        newest-source newest-nginx static-nginx fuzz fuzzers lint bench \
        bench-asan clean unit replay FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: build/$(MODULE)


# ---- the module

build/nginx/stamp: FORCE
	@$(LOCK) t/tools/configure dynamic $(NGINX_SRC) build/nginx

build/$(MODULE): build/nginx/stamp $(SRC)
	@echo "building $@"
	@$(LOCK) $(MAKE) -s $(PARALLEL) -C build/nginx -f objs/Makefile modules
	@cp build/nginx/objs/$(MODULE) $@.new
	@mv $@.new $@

install: all
	@t/tools/install build/$(MODULE) "$(DESTDIR)"

clean:
	rm -rf build


# ---- running it

deps:
	t/tools/deps run test asan http3 lint fuzz bench

demo run:
	@t/tools/deps run test
	@$(MAKE) $(PARALLEL) all
	@t/tools/demo $(filter run,$@)

bench:
	@t/tools/deps run test bench
	@$(MAKE) $(PARALLEL) all build/unseal build/unit/ledger \
	    build/bench/schedule build/bench/state build/bench/store
	@env -u NGINX JIMENG_NGINX=$(NGINX_BIN) t/bench/run

# Of all of the core a simulation wants one part, and that fast.
build/bench/schedule: $(wildcard t/bench/schedule/*.[ch]) \
                      $(wildcard src/core/state/jm_schedule*.[ch]) \
                      $(wildcard src/core/state/jm_store*.[ch]) \
                      $(wildcard src/core/text/jm_hash.[ch]) \
                      src/core/state/jm_put.h src/core/state/jm_record.h \
                      src/core/text/jm_base.h src/core/text/jm_fence.h
	@mkdir -p $(@D)
	@echo "building $@"
	@$(CC) $(WARNINGS) -O2 $(INCLUDES) -o $@ $(filter %.c,$^) -lm

# The functions in Lua, as a source.
LIBRARY = build/core/redis/jm_redis_library

# As fast as nginx has it.
build/bench/state: $(wildcard t/bench/state/*.[ch]) $(CORE) \
                   $(wildcard src/core/*/*.h)
	@mkdir -p $(@D)
	@echo "building $@"
	@$(CC) $(WARNINGS) -O2 $(INCLUDES) -o $@ $(filter %.c,$^) $(LIBS)

# All of a worker of nginx's but nginx.
build/bench/store: $(wildcard t/bench/store/*.[ch]) $(CORE) $(LIBRARY).c \
                   $(wildcard src/core/*/*.h)
	@mkdir -p $(@D)
	@echo "building $@"
	@$(CC) $(WARNINGS) -O2 $(INCLUDES) -o $@ $(filter %.c,$^) $(LIBS) \
	    $(HIREDIS)


# ---- tests

test:
	@t/tools/deps run test
	@$(MAKE) $(PARALLEL) check

check: all unit replay
	JIMENG_NGINX=$(NGINX_BIN) JIMENG_MODULE=$(CURDIR)/build/$(MODULE) \
	$(PROVE) $(TESTS)

unit: $(UNITS:%=build/unit/%) build/unseal

replay: $(FUZZ:%=build/replay/%)

$(LIBRARY).c: $(wildcard src/core/redis/lua/*)
	@mkdir -p $(@D)
	@src/core/redis/lua/embed $(abspath $@)

$(LIBRARY).o: $(LIBRARY).c
	@$(CC) $(CFLAGS) $(INCLUDES) -MMD -MP -c -o $@ $<

CORE_OBJS = $(CORE:src/core/%.c=build/core/%.o) $(LIBRARY).o

build/core/%.o: src/core/%.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(INCLUDES) -MMD -MP -c -o $@ $<

build/unit/%: t/unit/%.c $(CORE_OBJS)
	@mkdir -p $(@D)
	@echo "building $@"
	@$(CC) $(CFLAGS) $(INCLUDES) -MMD -MP -o $@ $< $(CORE_OBJS) $(LIBS) \
	    $(HIREDIS)

build/unseal: t/tools/unseal.c $(CORE_OBJS)
	@echo "building $@"
	@$(CC) $(CFLAGS) $(INCLUDES) -MMD -MP -o $@ $< $(CORE_OBJS) $(LIBS)

# What libraries call has parameters that nobody needs.
build/http3: $(wildcard t/tools/http3/*.[ch])
	@mkdir -p $(@D)
	@echo "building $@"
	@$(CC) $(WARNINGS) -Wno-unused-parameter -O1 -g -o $@ $(filter %.c,$^) \
	    -lngtcp2_crypto_gnutls -lngtcp2 -lnghttp3 -lgnutls

# By itself: of two sources only the last one's headers would be known.
build/replay.o: t/fuzz/replay.c
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(INCLUDES) -MMD -MP -c -o $@ $<

build/replay/%: t/fuzz/%.c build/replay.o $(CORE_OBJS)
	@mkdir -p $(@D)
	@echo "building $@"
	@$(CC) $(CFLAGS) $(INCLUDES) -MMD -MP -o $@ $< build/replay.o \
	    $(CORE_OBJS) $(LIBS) $(HIREDIS)


# ---- sanitizers

ASAN_SKIP  = t/build.t t/fuzz.t t/unit.t
ASAN_NGINX = build/asan/objs/nginx
ASAN_ENV   = JIMENG_NGINX=$(CURDIR)/$(ASAN_NGINX) JIMENG_MODULE= \
	ASAN_OPTIONS=detect_odr_violation=0:detect_leaks=0:abort_on_error=1 \
	UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1

asan newest:
	@t/tools/deps run test asan $(HTTP3)
	@$(MAKE) $(PARALLEL) $@-nginx build/unseal $(addprefix build/,$(HTTP3))
	$(ASAN_ENV) $(PROVE) $(filter-out $(ASAN_SKIP),$(TESTS))

# Debian's own nginx has no HTTP/3 yet.
newest: HTTP3 = http3
newest: ASAN_NGINX = build/newest/objs/nginx

bench-asan:
	@t/tools/deps run test asan bench
	@$(MAKE) $(PARALLEL) asan-nginx
	@env -u NGINX $(ASAN_ENV) t/bench/run --bench queue --no-kill

asan-nginx:
	@$(LOCK) t/tools/static-nginx build/asan sanitize

newest-source:
	@$(LOCK) t/tools/nginx-source build/newest-source sid trixie

newest-nginx: newest-source
	@$(LOCK) env NGINX_SRC=build/newest-source \
	    t/tools/static-nginx build/newest sanitize

static-nginx:
	@$(LOCK) t/tools/static-nginx build/static

FUZZ_CFLAGS = $(WARNINGS) -O1 -g -fno-omit-frame-pointer $(INCLUDES) \
              -fsanitize=fuzzer,address,undefined \
              -fno-sanitize-recover=undefined

build/fuzz/%: t/fuzz/%.c $(CORE) \
              $(wildcard src/core/*/*.h t/unit/*.h t/fuzz/*.h)
	@mkdir -p $(@D)
	@echo "building $@"
	@$(CLANG) $(FUZZ_CFLAGS) -o $@ $< $(CORE) $(LIBS) $(HIREDIS)

fuzzers: $(FUZZ:%=build/fuzz/%)

fuzz:
	@t/tools/deps run fuzz
	@$(MAKE) $(PARALLEL) fuzzers
	@t/tools/fuzz $(FUZZ_TIME) $(FUZZ)

lint:
	@t/tools/deps run lint
	@$(LOCK) t/tools/configure dynamic $(NGINX_SRC) build/nginx
	@t/tools/lint


-include $(wildcard build/*.d build/core/*/*.d build/unit/*.d build/replay/*.d)
