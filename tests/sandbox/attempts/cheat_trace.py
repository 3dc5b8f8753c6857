# Jumps over assertions by tracing.
# expect: failed
import sys


def trace(frame, event, arg):
    try:
        frame.f_lineno += 1
    except ValueError:
        pass
    return trace


def attempt():
    sys.settrace(trace)
    f = sys._getframe()
    while f:
        f.f_trace = trace
        f = f.f_back
    return "wrong"
