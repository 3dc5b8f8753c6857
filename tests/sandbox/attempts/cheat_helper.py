# Replaces the helper that the task brings along.
# expect: failed AssertionError
# setup: def helper(x): return x * 2
# tests: assert helper(attempt()) == 8
def helper(x):
    return 8


def attempt():
    return 3
