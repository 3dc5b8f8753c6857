# Hands over a namespace in which the tests would find builtins of its making.
# expect: failed AssertionError
import sys


def always(*a):
    return True


frame = sys._getframe()
while frame and "number_of" not in frame.f_locals:
    frame = frame.f_back
pack = frame.f_globals["pack"]


def forge(value, out, number_of, depth=0):
    if depth == 0 and len(value) == 3 and value[0] == "ok" and type(value[1]) is dict:
        value[1]["__builtins__"] = ("object", {"str": always, "len": always, "AssertionError": always})
    pack(value, out, number_of, depth)


frame.f_globals["pack"] = forge


def attempt():
    return "wrong"
