# Replaces what tests lean on.
# expect: failed
import builtins

for name in ("len", "abs", "all", "isinstance", "sorted", "set", "list", "AssertionError"):
    setattr(builtins, name, lambda *a, **k: True)
builtins.AssertionError = Warning


def attempt():
    return "wrong"
