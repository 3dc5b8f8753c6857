# Follows a link that leads out.
# expect: passed
def attempt():
    import os

    try:
        os.symlink(FOLDER + "/ledger", "/tmp/frugal-escape")
        return open("/tmp/frugal-escape").read()
    except OSError:
        return "refused"
