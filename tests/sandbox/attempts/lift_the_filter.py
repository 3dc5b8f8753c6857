# Undoes what protects it.
# expect: passed
def attempt():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    tried = [
        libc.prctl(22, 0, 0, 0, 0),  # PR_SET_SECCOMP
        libc.prctl(38, 0, 0, 0, 0),  # PR_SET_NO_NEW_PRIVS
        libc.prctl(1, 0, 0, 0, 0),  # PR_SET_PDEATHSIG
        libc.prctl(4, 1, 0, 0, 0),  # PR_SET_DUMPABLE
        libc.prctl(24, 21, 0, 0, 0),  # PR_CAPBSET_DROP
        libc.prctl(36, 1, 0, 0, 0),  # PR_SET_CHILD_SUBREAPER
    ]
    return "refused" if set(tried) == {-1} else str(tried)
