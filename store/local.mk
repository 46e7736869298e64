noinst_LIBRARIES += libstore.a
libstore_a_CFLAGS = $(AM_CFLAGS) $(ARCHIVE_CFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS) $(ZLIB_CFLAGS) $(ZSTD_CFLAGS)
STORE_LIBS = libstore.a libbase.a $(ARCHIVE_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(ZSTD_LIBS)
libstore_a_SOURCES = \
	store/container/commit.c store/container/commit.h \
	store/container/container.c store/container/container.h \
	store/container/container_lock.c store/container/container_lock.h \
	store/container/diff.c store/container/diff.h \
	store/container/diff_private.h \
	store/container/diff_upper.c \
	store/container/layer_write.c store/container/layer_write.h \
	store/container/running.c store/container/running.h \
	store/container/upper.c store/container/upper.h \
	store/disk/blob.c store/disk/blob.h \
	store/disk/layout.c store/disk/layout.h \
	store/disk/mount_dirs.c store/disk/mount_dirs.h \
	store/disk/mounts.c store/disk/mounts.h \
	store/disk/partial.c store/disk/partial.h \
	store/disk/refs.c store/disk/refs.h \
	store/disk/refs_write.c store/disk/refs_write.h \
	store/disk/spare.c store/disk/spare.h \
	store/disk/store.c store/disk/store.h \
	store/disk/store_lock.c store/disk/store_lock.h \
	store/disk/sync.c store/disk/sync.h \
	store/disk/tmp_dir.c store/disk/tmp_dir.h \
	store/disk/tmp_sweep.c store/disk/tmp_sweep.h \
	store/disk/txn.c store/disk/txn.h \
	store/image/chains.c store/image/chains.h \
	store/image/compress.c store/image/compress.h \
	store/image/history.c store/image/history.h \
	store/image/image.c store/image/image.h \
	store/image/parent.c store/image/parent.h \
	store/image/tree.c store/image/tree.h \
	store/image/tree_apply.c \
	store/image/tree_private.h \
	store/layer/acl.c store/layer/acl.h \
	store/layer/checksum.c store/layer/checksum.h \
	store/layer/decode.c store/layer/decode.h \
	store/layer/encode.c store/layer/encode.h \
	store/layer/inflater.c store/layer/inflater.h \
	store/layer/ingest.c store/layer/ingest.h \
	store/layer/layer.c store/layer/layer.h \
	store/layer/layer_build.c store/layer/layer_build.h \
	store/layer/layer_build_out.c \
	store/layer/layer_build_private.h \
	store/layer/layer_check.c store/layer/layer_check.h \
	store/layer/layer_copy.c store/layer/layer_copy.h \
	store/layer/layer_format.h \
	store/layer/layer_index.c store/layer/layer_index.h \
	store/layer/layer_tar.c store/layer/layer_tar.h \
	store/layer/link_walk.c store/layer/link_walk.h \
	store/layer/overlay_xattr.c store/layer/overlay_xattr.h \
	store/layer/ring.c store/layer/ring.h \
	store/layer/span_cache.c store/layer/span_cache.h \
	store/layer/span_decode.c \
	store/layer/tar_write.c store/layer/tar_write.h \
	store/layer/tarlib.c store/layer/tarlib.h \
	store/oci/codec.c store/oci/codec.h \
	store/oci/digest.c store/oci/digest.h \
	store/oci/dockerfile.c store/oci/dockerfile.h \
	store/oci/image_config.c store/oci/image_config.h \
	store/oci/instruction.c store/oci/instruction.h \
	store/oci/manifest.c store/oci/manifest.h \
	store/oci/platform.c store/oci/platform.h \
	store/oci/reference.c store/oci/reference.h \
	store/oci/shell_word.c store/oci/shell_word.h \
	store/show/inspect.c store/show/inspect.h \
	store/show/inspect_config.c \
	store/show/inspect_layer.c \
	store/show/inspect_private.h \
	store/show/template.h \
	store/show/template_func.c \
	store/show/template_lex.c \
	store/show/template_parse.c \
	store/show/template_print.c \
	store/show/template_printf.c \
	store/show/template_private.h \
	store/show/template_run.c \
	store/transfer/export.c store/transfer/export.h \
	store/transfer/export_private.h \
	store/transfer/export_walk.c \
	store/transfer/import.c store/transfer/import.h \
	store/transfer/load.c store/transfer/load.h \
	store/transfer/load_archive.c \
	store/transfer/load_dir.c \
	store/transfer/load_docker.c \
	store/transfer/load_known.c \
	store/transfer/load_member.c \
	store/transfer/load_oci.c \
	store/transfer/load_parent.c \
	store/transfer/load_private.h \
	store/transfer/load_v1.c \
	store/transfer/save.c store/transfer/save.h \
	store/transfer/save_dir.c \
	store/transfer/save_file.c store/transfer/save_file.h \
	store/transfer/save_json.c \
	store/transfer/save_private.h \
	store/transfer/save_tar.c \
	store/upkeep/df.c store/upkeep/df.h \
	store/upkeep/gc.c store/upkeep/gc.h \
	store/upkeep/reachable.c store/upkeep/reachable.h \
	store/upkeep/remove.c store/upkeep/remove.h \
	store/upkeep/remove_layers.c \
	store/upkeep/remove_private.h \
	store/upkeep/verify.c store/upkeep/verify.h \
	store/upkeep/verify_private.h \
	store/upkeep/verify_refs.c
