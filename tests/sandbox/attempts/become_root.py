# Takes another user's name.
# expect: passed
def attempt():
    import os

    for change in (
        lambda: os.setuid(0),
        lambda: os.setgid(0),
        lambda: os.setresuid(0, 0, 0),
        lambda: os.setgroups([0]),
    ):
        try:
            change()
            return "changed"
        except OSError:
            pass
    return "refused"
