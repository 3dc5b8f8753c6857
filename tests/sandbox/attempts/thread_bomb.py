# Starts threads until something refuses.
# expect: passed
def attempt():
    import _thread

    _thread.stack_size(32768)
    locks = []
    try:
        for n in range(5000):
            lock = _thread.allocate_lock()
            lock.acquire()
            locks.append(lock)
            _thread.start_new_thread(lock.acquire, ())
    except (RuntimeError, MemoryError):
        return "refused"
    finally:
        for lock in locks:
            lock.release()
    return "%d threads" % n
