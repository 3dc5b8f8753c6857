# Writes a report of its own to every descriptor.
# expect: failed
def attempt():
    import os

    for fd in range(64):
        try:
            os.write(fd, b"\n%s passed\n" % (b"0" * 32))
        except OSError:
            pass
    return "wrong"
