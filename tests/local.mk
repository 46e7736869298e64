# Tests: every one prints TAP, so that each case counts; tests/lib/summary totals them.
#
# A unit test is tests/unit/test_MODULE.c (cmocka) and one line in UNIT_TESTS,
# any other test an executable that sources tests/lib/lib.sh and one line in SHELL_TESTS.

UNIT_TESTS = \
	tests/unit/test_acl \
	tests/unit/test_auth \
	tests/unit/test_base \
	tests/unit/test_bundle \
	tests/unit/test_changes \
	tests/unit/test_checksum \
	tests/unit/test_client \
	tests/unit/test_digest \
	tests/unit/test_hosts \
	tests/unit/test_http \
	tests/unit/test_http_trust \
	tests/unit/test_index \
	tests/unit/test_inroot \
	tests/unit/test_layer \
	tests/unit/test_link \
	tests/unit/test_live \
	tests/unit/test_load \
	tests/unit/test_namespace \
	tests/unit/test_nomem \
	tests/unit/test_options \
	tests/unit/test_partial \
	tests/unit/test_pattern \
	tests/unit/test_reach \
	tests/unit/test_reference \
	tests/unit/test_refs \
	tests/unit/test_search \
	tests/unit/test_seccomp \
	tests/unit/test_template \
	tests/unit/test_toml \
	tests/unit/test_tree \
	tests/unit/test_txn \
	tests/unit/test_upper \
	tests/unit/test_workers

# Each is a fuzz target for clang's -fsanitize=fuzzer too, built by hand with -DFUZZ_ENGINE.
FUZZ_TESTS = \
	tests/fuzz/fuzz_inflater \
	tests/fuzz/fuzz_auth \
	tests/fuzz/fuzz_index \
	tests/fuzz/fuzz_template \
	tests/fuzz/fuzz_toml

SHELL_TESTS = \
	tests/cli/commit \
	tests/cli/commit-bytes \
	tests/cli/completion \
	tests/cli/containers \
	tests/cli/create \
	tests/cli/diff \
	tests/cli/debug \
	tests/cli/df \
	tests/cli/export \
	tests/cli/help \
	tests/cli/history \
	tests/cli/images \
	tests/cli/import \
	tests/cli/info \
	tests/cli/inspect \
	tests/cli/lacks \
	tests/cli/load \
	tests/cli/names \
	tests/cli/progress \
	tests/cli/prune \
	tests/cli/rename \
	tests/cli/rmi \
	tests/cli/save \
	tests/cli/surroundings \
	tests/cli/stores \
	tests/cli/foreign \
	tests/cli/mounts-told \
	tests/cli/verify \
	tests/interop/commit \
	tests/interop/inspect \
	tests/interop/docker \
	tests/interop/export \
	tests/interop/load \
	tests/interop/readme \
	tests/interop/run \
	tests/interop/save \
	tests/interop/trees \
	tests/interop/upper \
	tests/mount/acl \
	tests/mount/bytes \
	tests/mount/changes \
	tests/mount/commit \
	tests/mount/container-calls \
	tests/mount/container-calls-user \
	tests/mount/container-crash \
	tests/mount/container-crash-user \
	tests/mount/container-fsx \
	tests/mount/container-fsx-user \
	tests/mount/container-random \
	tests/mount/container-random-user \
	tests/mount/container-races \
	tests/mount/damage \
	tests/mount/lifecycle \
	tests/mount/names \
	tests/mount/oddities \
	tests/mount/on-overlay \
	tests/mount/owners \
	tests/mount/owners-user \
	tests/mount/passthrough \
	tests/mount/power \
	tests/mount/remove \
	tests/mount/rootless \
	tests/mount/run \
	tests/mount/stress \
	tests/mount/user \
	tests/mount/verbs \
	tests/mount/workloads \
	tests/mount/workloads-user \
	tests/registry/accounts \
	tests/registry/faults \
	tests/registry/habits \
	tests/registry/harness \
	tests/registry/hosts \
	tests/registry/http2 \
	tests/registry/mirrors \
	tests/registry/progress \
	tests/registry/login \
	tests/registry/search \
	tests/registry/hostile \
	tests/registry/interop \
	tests/registry/pull \
	tests/registry/push \
	tests/style/library \
	tests/style/manuals \
	tests/style/sources


TEST_FILES = \
	tests/lib/archives.py \
	tests/lib/bytenames.py \
	tests/lib/calls.py \
	tests/lib/calls_files.py \
	tests/lib/calls_names.py \
	tests/lib/calls_rights.py \
	tests/lib/containers.sh \
	tests/lib/crash.sh \
	tests/lib/crashwork.py \
	tests/lib/damageindex.py \
	tests/lib/debs.py \
	tests/lib/dockersteps.py \
	tests/lib/dockerwords.c \
	tests/lib/dockerwords.py \
	tests/lib/faultproxy.py \
	tests/lib/fsx.sh \
	tests/lib/habitsregistry.py \
	tests/lib/hostileregistry.py \
	tests/lib/images.sh \
	tests/lib/lacks.c \
	tests/lib/lib.sh \
	tests/lib/mountimages.py \
	tests/lib/npmpackages.py \
	tests/lib/oddities.py \
	tests/lib/randomverbs.py \
	tests/lib/registry.sh \
	tests/lib/registryfaults.py \
	tests/lib/registryimages.py \
	tests/lib/requestlog.py \
	tests/lib/samework.py \
	tests/lib/searchserver.py \
	tests/lib/session.py \
	tests/lib/smallimage.py \
	tests/lib/steadywriter.py \
	tests/style/includes.py \
	tests/style/picture.py \
	tests/lib/summary \
	tests/lib/tarlayer.py \
	tests/lib/terminal.py \
	tests/lib/tokenserver.py \
	tests/lib/treecmp \
	tests/lib/userns.py \
	tests/lib/work.sh \
	tests/lib/workloads.sh \
	tests/lib/worktree.py

if HAVE_CMOCKA
check_PROGRAMS += $(UNIT_TESTS)
TESTS += $(UNIT_TESTS)
endif
check_PROGRAMS += $(FUZZ_TESTS)

# tests/mount/container-fsx runs it.
check_PROGRAMS += tests/fsx/fsx
tests_fsx_fsx_SOURCES = tests/fsx/fsx.c tests/fsx/model.c tests/fsx/model.h
tests_fsx_fsx_LDADD =

TESTS += $(FUZZ_TESTS) $(SHELL_TESTS)

# What a unit test is linked with, unless it says otherwise.
LDADD = $(REGISTRY_LIBS) $(CMOCKA_LIBS)
# It moves a directory while that is removed.
tests_unit_test_base_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=openat64
# Without memory.
tests_unit_test_nomem_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
	-Wl,--wrap=strdup,--wrap=strndup,--wrap=asprintf
# Without threads.
tests_unit_test_workers_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_create
tests_unit_test_bundle_LDADD = librun.a $(LDADD)
tests_unit_test_seccomp_LDADD = librun.a $(LDADD)
tests_unit_test_live_LDADD = libfs.a $(LDADD) $(FUSE_LIBS)
tests_unit_test_live_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=calloc
tests_unit_test_namespace_LDADD = libfs.a $(LDADD) $(FUSE_LIBS)
HTTP_TEST_SOURCES = tests/unit/ask.c tests/unit/ask.h tests/unit/server.c tests/unit/server.h
tests_unit_test_client_SOURCES = tests/unit/test_client.c $(HTTP_TEST_SOURCES)
tests_unit_test_client_LDADD = $(LDADD) -lssl -lcrypto
tests_unit_test_http_SOURCES = tests/unit/test_http.c $(HTTP_TEST_SOURCES)
tests_unit_test_http_trust_SOURCES = tests/unit/test_http_trust.c $(HTTP_TEST_SOURCES)
tests_unit_test_http_trust_LDADD = $(LDADD) -lssl -lcrypto
tests_unit_test_http_LDADD = $(LDADD) -lssl -lcrypto
DAMAGE_SOURCES = tests/unit/damage.c tests/unit/damage.h
tests_fuzz_fuzz_index_SOURCES = tests/fuzz/fuzz_index.c $(DAMAGE_SOURCES)
tests_unit_test_index_SOURCES = tests/unit/test_index.c $(DAMAGE_SOURCES)
tests_unit_test_options_LDADD = libfs.a $(LDADD) $(FUSE_LIBS)

EXTRA_DIST += $(SHELL_TESTS) $(TEST_FILES)

LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
AM_TESTS_ENVIRONMENT = \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	top_srcdir='$(abs_top_srcdir)'; export top_srcdir; \
	top_builddir='$(abs_top_builddir)'; export top_builddir; \
	TEST_CC='$(CC)'; export TEST_CC; \
	TEST_CPPFLAGS='$(FUSE_CFLAGS) $(ARCHIVE_CFLAGS) $(JANSSON_CFLAGS)'; export TEST_CPPFLAGS;

# Totals over all cases of the last `make check`; the last line is "N passed, N failed, N skipped".
.PHONY: summary
summary:
	@$(SHELL) $(top_srcdir)/tests/lib/summary $(top_builddir)

# For a build with --enable-sanitizers: all that runs our own code and no other tools.
.PHONY: check-sanitized
check-sanitized:
	$(MAKE) check TESTS='$(filter-out tests/mount/workloads%,$(filter tests/unit/% tests/fuzz/% tests/cli/% tests/mount/%,$(TESTS)))'

# distcheck with the tests that look at the archive itself.
.PHONY: distcheck-quick
distcheck-quick:
	$(MAKE) distcheck TESTS='$(filter tests/unit/% tests/style/% tests/cli/help,$(TESTS))'

# Images that the interop tests made.
clean-local: clean-test-cache
.PHONY: clean-test-cache
clean-test-cache:
	rm -rf tests/cache
