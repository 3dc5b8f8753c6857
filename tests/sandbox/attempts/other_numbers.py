# Calls by the numbers of another kind of processor, which a filter may have forgotten.
# expect: killed seccomp
# machine: x86_64
def attempt():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return str(libc.syscall(0x40000000 + 41, 2, 1, 0))  # socket of x32
