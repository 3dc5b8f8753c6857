# Makes processes by the other calls there are.
# expect: passed
# machine: x86_64
def attempt():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    for number, flags in ((56, 17), (57, 0), (58, 0), (56, 0x4000 | 17)):
        pid = libc.syscall(number, flags, 0, 0, 0, 0)
        if pid == 0:
            libc._exit(0)
        if pid > 0:
            return "forked by %d" % number
    args = (ctypes.c_uint64 * 8)(0, 0, 0, 0, 17, 0, 0, 0)
    pid = libc.syscall(435, args, 64)
    if pid == 0:
        libc._exit(0)
    return "refused" if pid < 0 else "forked by clone3"
