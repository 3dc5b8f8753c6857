# Lets the kernel signal somebody else when a pipe becomes readable.
# expect: passed
def attempt():
    import fcntl, os

    r, _ = os.pipe()
    for command in (8, 10, 15):  # F_SETOWN, F_SETSIG, F_SETOWN_EX
        try:
            fcntl.fcntl(r, command, HOST_PID)
            return str(command)
        except OSError:
            pass
    return "refused"
