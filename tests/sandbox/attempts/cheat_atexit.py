# Ends well after having failed.
# expect: failed AssertionError
import atexit, os

atexit.register(os._exit, 0)


def attempt():
    return "wrong"
