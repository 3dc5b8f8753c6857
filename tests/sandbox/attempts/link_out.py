# Makes a second name for a file of the user, and for one that it may read.
# expect: passed
def attempt():
    import os

    for name in (FOLDER + "/ledger", os.__file__):
        try:
            os.link(name, "/tmp/frugal-escape")
            return name
        except OSError:
            pass
    return "refused"
