/*
 * A static program for containers without anything in them: it waits, and it changes files below a
 * directory. dockerwords DIR write|rm|rmdir|mkdir|mv|ln|chmod ARG...; DIR pause.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	return close(fd) < 0 || n != (ssize_t)strlen(text) ? -1 : 0;
}

int main(int argc, char **argv)
{
	const char *verb;
	int r = -1;

	if (argc < 3 || chdir(argv[1]) < 0)
		return 2;
	verb = argv[2];
	umask(022);
	if (strcmp(verb, "pause") == 0)
		for (;;)
			pause();
	if (argc == 4 && strcmp(verb, "rm") == 0)
		r = unlink(argv[3]);
	else if (argc == 4 && strcmp(verb, "rmdir") == 0)
		r = rmdir(argv[3]);
	else if (argc == 4 && strcmp(verb, "mkdir") == 0)
		r = mkdir(argv[3], 0755);
	else if (argc == 5 && strcmp(verb, "write") == 0)
		r = write_file(argv[3], argv[4]);
	else if (argc == 5 && strcmp(verb, "mv") == 0)
		r = rename(argv[3], argv[4]);
	else if (argc == 5 && strcmp(verb, "ln") == 0)
		r = symlink(argv[3], argv[4]);
	else if (argc == 5 && strcmp(verb, "chmod") == 0)
		r = chmod(argv[4], (mode_t)strtoul(argv[3], NULL, 8));
	if (r < 0)
		perror(verb);
	return r < 0;
}
