# Uses what the program that runs the sandbox has open.
# expect: passed
def attempt():
    import os

    found = []
    for fd in range(1024):
        try:
            os.fstat(fd)
            found.append(fd)
        except OSError:
            pass
    return "refused" if found == [0, 1, 2, 3, 4] else str(found)
