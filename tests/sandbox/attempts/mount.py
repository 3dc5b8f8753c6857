# Mounts a file system.
# expect: killed seccomp
# machine: x86_64
def attempt():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return str(libc.syscall(165, b"none", b"/tmp", b"tmpfs", 0, 0))
