# Reads a file of the user.
# expect: passed
def attempt():
    try:
        return open(FOLDER + "/ledger").read()
    except OSError:
        return "refused"
