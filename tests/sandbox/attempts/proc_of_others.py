# Environment, memory, descriptors and working folder of other processes.
# expect: passed
def attempt():
    import os

    for pid in ("self", "thread-self", "1", str(os.getppid()), str(HOST_PID)):
        for name in ("environ", "mem", "maps", "cmdline", "root/etc/passwd", "cwd/ledger"):
            try:
                os.open("/proc/%s/%s" % (pid, name), os.O_RDONLY)
                return pid + "/" + name
            except OSError:
                pass
        try:
            return str(os.listdir("/proc/%s/fd" % pid))
        except OSError:
            pass
    return "refused"
