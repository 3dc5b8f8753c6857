# Defines names of builtins, which the tests might take for the real ones.
# expect: failed AssertionError
def AssertionError(*a):
    return None


def str(*a):
    return "refused"


def attempt():
    return "wrong"
