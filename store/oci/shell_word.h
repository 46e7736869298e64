/*
 * A word of a Dockerfile's instruction: its quotes and backslashes are taken off, its $variables
 * replaced, as docker's builder does it (Dockerfile reference, "Environment replacement").
 */
#ifndef STORE_OCI_SHELL_WORD_H
#define STORE_OCI_SHELL_WORD_H

struct buf;
struct err;
struct json_t;

/*
 * shell_word_expand - append what the word stands for to out.
 * escape  the character that takes its meaning from the next one, usually a backslash
 * env     array of strings, NAME=VALUE; what it does not name is empty
 * forms   $NAME, ${NAME}, ${NAME:-word} :+ :? (without the colon, too), ${NAME#pattern} ## % %%,
 *         ${NAME/pattern/word} //; names are ASCII letters, digits and _
 * errors  -EINVAL: a quote or brace that is never closed, an unknown form, a :? that applies
 */
int shell_word_expand(const char *word, char escape, const struct json_t *env, struct buf *out,
		      struct err *err);

/* shell_word_split - the same; blanks outside of quotes separate words, which are appended to the array out. */
int shell_word_split(const char *word, char escape, const struct json_t *env, struct json_t *out,
		     struct err *err);

#endif
