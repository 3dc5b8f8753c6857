# Reads the memory of another process.
# expect: killed seccomp
# machine: x86_64
def attempt():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return str(libc.syscall(310, HOST_PID, 0, 0, 0, 0, 0))
