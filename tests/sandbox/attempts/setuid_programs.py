# Becomes a program that its owner's rights come with.
# expect: passed
def attempt():
    import os

    for name in ("/usr/bin/su", "/usr/bin/passwd", "/usr/bin/sudo", "/bin/mount", "/bin/sh", "/usr/bin/env"):
        try:
            os.execv(name, [name])
        except OSError:
            pass
    return "refused"
