# Gives itself more of everything.
# expect: passed
def attempt():
    import resource

    for name in ("AS", "CPU", "FSIZE", "NOFILE", "CORE", "STACK"):
        which = getattr(resource, "RLIMIT_" + name)
        for new in ((resource.RLIM_INFINITY,) * 2, (1 << 40, 1 << 40)):
            try:
                resource.setrlimit(which, new)
                return name
            except (OSError, ValueError):
                pass
    try:
        resource.prlimit(HOST_PID, resource.RLIMIT_NOFILE, (3, 3))
        return "another's"
    except OSError:
        return "refused"
