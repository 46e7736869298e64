/*
 * Checks a user name and password with a registry.
 */
#ifndef REGISTRY_LOGIN_H
#define REGISTRY_LOGIN_H

#include <stdbool.h>

#include "base/err.h"

struct cred;

/*
 * login_check - verify credentials with the registry. Nothing is stored.
 * key         "docker.io", or host[:port]
 * plain_http  the value of --plain-http
 * c           if the registry issues an identity token, it replaces the password
 * errors      -EACCES the registry rejects the credentials; those of client_open()
 */
int login_check(const char *key, bool plain_http, struct cred *c, struct err *err) MUST_CHECK;

#endif
