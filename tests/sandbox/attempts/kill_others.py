# Kills everything it may.
# expect: passed
def attempt():
    import os, signal

    for pid in (-1, 0, 1, os.getppid(), HOST_PID, -os.getpgid(0)):
        try:
            os.kill(pid, signal.SIGKILL)
            return str(pid)
        except OSError:
            pass
    try:
        os.pidfd_open(HOST_PID)
        return "pidfd"
    except OSError:
        return "refused"
