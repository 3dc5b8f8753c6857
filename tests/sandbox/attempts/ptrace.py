# Traces the process that started it.
# expect: killed seccomp
# machine: x86_64
def attempt():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return str(libc.syscall(101, 16, HOST_PID, 0, 0))
