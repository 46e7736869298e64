# Sources of the manual pages end in .in; make puts the version into them.
MAN_PAGES = \
	man/imagefs-commit.1 \
	man/imagefs-completion.1 \
	man/imagefs-create.1 \
	man/imagefs-df.1 \
	man/imagefs-diff.1 \
	man/imagefs-export.1 \
	man/imagefs-history.1 \
	man/imagefs-images.1 \
	man/imagefs-import.1 \
	man/imagefs-index.5 \
	man/imagefs-info.1 \
	man/imagefs-inspect.1 \
	man/imagefs-load.1 \
	man/imagefs-login.1 \
	man/imagefs-logout.1 \
	man/imagefs-mount.1 \
	man/imagefs-prune.1 \
	man/imagefs-ps.1 \
	man/imagefs-pull.1 \
	man/imagefs-push.1 \
	man/imagefs-registries.5 \
	man/imagefs-rename.1 \
	man/imagefs-rm.1 \
	man/imagefs-rmi.1 \
	man/imagefs-run.1 \
	man/imagefs-save.1 \
	man/imagefs-search.1 \
	man/imagefs-store.5 \
	man/imagefs-tag.1 \
	man/imagefs-umount.1 \
	man/imagefs-verify.1 \
	man/imagefs.1 \
	man/mount.imagefs.8
nodist_man_MANS = $(MAN_PAGES)
EXTRA_DIST += $(MAN_PAGES:=.in)
CLEANFILES += $(MAN_PAGES)

# groff before 1.23 begins the title of every mdoc page with "BSD" unless the string says otherwise.
man/%: man/%.in man/local.mk $(top_builddir)/config.status
	$(AM_V_GEN)$(MKDIR_P) man && sed -e 's/[@]VERSION@/$(VERSION)/' \
		-e '/^\.Dd /a .ds doc-volume-operating-system imagefs' $< >$@.tmp && mv $@.tmp $@
