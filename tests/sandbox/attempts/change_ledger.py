# Cuts, changes, renames or removes a file of the user without opening it.
# expect: passed
def attempt():
    import os

    ledger = FOLDER + "/ledger"
    for change in (
        lambda: os.truncate(ledger, 0),
        lambda: os.open(ledger, os.O_RDONLY | os.O_TRUNC),
        lambda: os.open(ledger, os.O_WRONLY | os.O_APPEND),
        lambda: os.chmod(ledger, 0o777),
        lambda: os.chown(ledger, os.getuid(), os.getgid()),
        lambda: os.utime(ledger, (0, 0)),
        lambda: os.rename(ledger, FOLDER + "/frugal-escape"),
        lambda: os.unlink(ledger),
        lambda: os.setxattr(ledger, "user.frugal", b"here"),
    ):
        try:
            change()
            return "changed"
        except OSError:
            pass
    return "refused"
