/*
 * Output files.
 */
#ifndef STORE_TRANSFER_SAVE_FILE_H
#define STORE_TRANSFER_SAVE_FILE_H

struct err;

/*
 * A file that takes its name when it is whole. What exists and is no regular
 * file (a pipe, a device) is written as it is.
 */
struct save_file {
	int fd;
	int dir;      /* of the file; -1: written in place */
	char *name;   /* in dir */
	char tmp[40]; /* the name it has until then; "": none */
};

/* save_tmp_name - a name that nothing has yet, for what is not whole. 0 or -EIO. */
int save_tmp_name(char out[static 40]);

#define SAVE_FILE_INIT           \
	{                        \
		-1, -1, NULL, "" \
	}

int save_file_open(struct save_file *f, const char *path, struct err *err);
int save_file_commit(struct save_file *f, struct err *err);
void save_file_fini(struct save_file *f);

#endif
