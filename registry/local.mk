# Registry transfer (pull, push, login, search) has no code yet.
