/*
 * A terminal whose echo was disabled is restored, also after an interrupt.
 */
#include "tools/prompt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"

#define LINE_MAX_BYTES (64 * 1024)

static struct termios before;

static void interrupted(int sig)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void on_signals(void (*handler)(int))
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], handler);
}

static bool hide(void)
{
	struct termios now;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return false;
	on_signals(interrupted);
	now = before;
	now.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &now);
	return true;
}

static void show(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	on_signals(SIG_DFL);
	putchar('\n');
	fflush(stdout);
}

int prompt_line(const char *text, bool hidden, char **out, struct err *err)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	fputs(text, stdout);
	fflush(stdout);
	hidden = hidden && hide();
	n = getline(&line, &size, stdin);
	if (hidden)
		show();
	if (n < 0 || n > LINE_MAX_BYTES) {
		free(line);
		return err_set(err, ENODATA, "no input");
	}
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		line[--n] = '\0';
	*out = line;
	return 0;
}
