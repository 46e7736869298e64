/* Output files that appear only when they are complete. */
#ifndef STORE_TRANSFER_SAVE_FILE_H
#define STORE_TRANSFER_SAVE_FILE_H

#include "base/err.h"

/* An output file. An existing file that is not regular (a pipe, a device) is written in place. */
struct save_file {
	int fd;
	int dir;      /* its directory; -1: written in place */
	char *name;   /* in dir */
	char tmp[40]; /* temporary name; "": none */
};

/* save_tmp_name - generate an unused temporary name. 0 or -EIO. */
int save_tmp_name(char out[static 40]) MUST_CHECK;

#define SAVE_FILE_INIT           \
	{                        \
		-1, -1, NULL, "" \
	}

int save_file_open(struct save_file *f, const char *path, struct err *err) MUST_CHECK;
int save_file_commit(struct save_file *f, struct err *err) MUST_CHECK;
void save_file_fini(struct save_file *f);

#endif
