# Makes a user namespace, to be root there.
# expect: killed seccomp
# machine: x86_64
def attempt():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return str(libc.syscall(272, 0x10000000))
