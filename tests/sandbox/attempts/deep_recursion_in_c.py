# Recurses without end where nobody counts.
# expect: killed signal 11
import sys

sys.setrecursionlimit(1 << 30)


class A:
    def __getattr__(self, name):
        return getattr(A(), name)


def attempt():
    return A().x
