# Leaves shared memory that has a name.
# expect: passed
def attempt():
    import _posixshmem, os

    try:
        _posixshmem.shm_open("/frugal-escape", os.O_CREAT | os.O_RDWR, 0o600)
        return "made"
    except OSError:
        return "refused"
