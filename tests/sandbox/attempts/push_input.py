# Types on the terminal of whoever started it (TIOCSTI), and takes a terminal.
# expect: passed
def attempt():
    import fcntl, os

    for name in ("/dev/tty", "/dev/ptmx", "/dev/console", "/dev/pts/0"):
        try:
            os.open(name, os.O_RDWR)
            return name
        except OSError:
            pass
    for fd in range(5):
        for request in (0x5412, 0x541C, 0x540E):  # TIOCSTI, TIOCLINUX, TIOCSCTTY
            try:
                fcntl.ioctl(fd, request, b"x")
                return "%d %x" % (fd, request)
            except OSError:
                pass
    return "refused"
