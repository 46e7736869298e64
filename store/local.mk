noinst_LIBRARIES += libstore.a
libstore_a_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS) $(ZLIB_CFLAGS) $(ZSTD_CFLAGS)
STORE_LIBS = libstore.a libbase.a $(ARCHIVE_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(ZSTD_LIBS)
libstore_a_SOURCES = \
	store/blob.c store/blob.h \
	store/bundle.c store/bundle.h \
	store/changes.c store/changes.h \
	store/dockerfile.c store/dockerfile.h \
	store/shell_word.c store/shell_word.h \
	store/checksum.c store/checksum.h \
	store/codec.c store/codec.h \
	store/commit.c store/commit.h \
	store/compress.c store/compress.h \
	store/container.c store/container.h \
	store/decode.c store/decode.h \
	store/diff.c store/diff.h \
	store/diff_int.h \
	store/diff_upper.c \
	store/df.c store/df.h \
	store/digest.c store/digest.h \
	store/encode.c store/encode.h \
	store/history.c store/history.h \
	store/export.c store/export.h \
	store/export_walk.c store/export_part.h \
	store/hold.c store/hold.h \
	store/image.c store/image.h store/image_config.c store/image_config.h \
	store/import.c store/import.h \
	store/inflater.c store/inflater.h \
	store/ingest.c store/ingest.h \
	store/inspect.c store/inspect.h \
	store/inspect_config.c \
	store/inspect_int.h \
	store/inspect_layer.c \
	store/json.c store/json.h \
	store/layer.c store/layer.h \
	store/layer_build.c store/layer_build.h \
	store/layer_build_int.h \
	store/layer_build_out.c \
	store/layer_check.c store/layer_check.h \
	store/layer_copy.c store/layer_copy.h \
	store/layer_format.c store/layer_format.h \
	store/layer_index.c store/layer_index.h \
	store/layer_tar.c store/layer_tar.h \
	store/layer_write.c store/layer_write.h \
	store/layout.c store/layout.h \
	store/leftovers.c store/leftovers.h \
	store/load.c store/load.h \
	store/load_archive.c \
	store/load_dir.c \
	store/load_docker.c \
	store/load_known.c \
	store/load_oci.c \
	store/load_parent.c \
	store/load_part.c store/load_part.h \
	store/load_v1.c \
	store/made.c store/made.h \
	store/origins.c store/origins.h \
	store/manifest.c store/manifest.h \
	store/mounts.c store/mounts.h \
	store/partial.c store/partial.h \
	store/pattern.c store/pattern.h \
	store/platform.c store/platform.h \
	store/reference.c store/reference.h \
	store/parent.c store/parent.h \
	store/reach.c store/reach.h \
	store/refs.c store/refs.h \
	store/chains.c store/chains.h \
	store/remove.c store/remove.h \
	store/gc.c store/gc.h \
	store/running.c store/running.h \
	store/save.c store/save.h \
	store/save_dir.c \
	store/save_file.c \
	store/save_json.c \
	store/save_part.h \
	store/save_tar.c \
	store/scratch.c store/scratch.h \
	store/seccomp.c store/seccomp.h \
	store/seccomp_list.c store/seccomp_list.h \
	store/span_cache.c store/span_cache.h \
	store/span_decode.c \
	store/spare.c store/spare.h \
	store/store.c store/store.h \
	store/tarlib.c store/tarlib.h \
	store/tar_write.c store/tar_write.h \
	store/template.h store/template_int.h \
	store/template_func.c \
	store/template_lex.c \
	store/template_parse.c \
	store/template_print.c \
	store/template_printf.c \
	store/template_run.c \
	store/tree.c store/tree.h \
	store/tree_apply.c \
	store/tree_int.h \
	store/txn.c store/txn.h \
	store/upper.c store/upper.h \
	store/users.c store/users.h \
	store/verify.c store/verify.h \
	store/verify_refs.c store/verify_part.h \
	store/acl.c store/acl.h \
	store/walk.c store/walk.h
