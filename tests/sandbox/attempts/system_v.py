# Leaves shared memory, a queue and a semaphore of System V.
# expect: passed
def attempt():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    made = (
        libc.shmget(0x66727567, 4096, 0o1666),
        libc.msgget(0x66727567, 0o1666),
        libc.semget(0x66727567, 1, 0o1666),
    )
    return "refused" if made == (-1, -1, -1) else str(made)
