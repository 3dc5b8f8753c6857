# Recurses a million times where nobody counts.
# expect: killed signal 11
import itertools


def attempt():
    nested = iter(())
    for _ in range(1000000):
        nested = itertools.chain(nested)
    return next(nested, "refused")
