# Starts threads until something refuses.
# expect: passed
def attempt():
    import threading

    threading.stack_size(32768)
    stop = threading.Event()
    try:
        for n in range(5000):
            threading.Thread(target=stop.wait, daemon=True).start()
    except (RuntimeError, MemoryError):
        return "refused"
    finally:
        stop.set()
    return "%d threads" % n
