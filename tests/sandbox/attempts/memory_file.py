# Fills memory files, which the limit on address space does not count.
# expect: passed
def attempt():
    import os

    try:
        os.memfd_create("frugal-escape")
        return "made"
    except OSError:
        return "refused"
