/*
 * What both sessions of the daemon share: the store, its open layers and
 * trees, and what the user asked for with -o.
 */
#ifndef FS_CORE_FS_H
#define FS_CORE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

struct layers;
struct store;
struct trees;

struct fs_options {
	bool allow_other;	  /* other users have access, and modes are checked */
	bool default_permissions; /* modes are checked for the mounting user too */
	bool ro;		  /* read-only, containers too */
	bool dev, suid;		  /* device files and set-id bits work */
	bool noexec;		  /* programs cannot be executed */
	bool debug;
	bool image_owners;     /* in an ordinary user's containers too: see fs_is_own() */
	bool set_uid, set_gid; /* every file is shown with this owner */
	uid_t uid;
	gid_t gid;
	size_t cache_size; /* bytes of inflated contents kept in memory */
};

struct fs {
	struct store *store;
	struct layers *layers;
	struct trees *trees;
	struct fs_options opt;
};

/* Timeout of names and attributes: without limit, because the kernel is notified of changes. */
#define FS_FOREVER 1e9

/* fs_checks_modes - the kernel checks owners, modes and access lists, for the mounting user too. */
static inline bool fs_checks_modes(const struct fs *fs)
{
	return fs->opt.allow_other || fs->opt.default_permissions;
}

/*
 * fs_is_own - true if an ordinary user mounted, and acts as the image's root in containers: files
 * of root are shown as the user's, and files of the user are root's in the image.
 */
static inline bool fs_is_own(const struct fs *fs)
{
	return !fs->opt.image_owners && geteuid() != 0;
}

/* fs_show_owner - apply -o uid= and gid= to an owner. */
static inline void fs_show_owner(const struct fs *fs, struct stat *st)
{
	if (fs->opt.set_uid)
		st->st_uid = fs->opt.uid;
	if (fs->opt.set_gid)
		st->st_gid = fs->opt.gid;
}

#endif
