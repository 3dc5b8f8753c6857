# Reads what every user of the machine may read.
# expect: passed
def attempt():
    for place in ("/etc/passwd", "/etc/hostname", "/proc/version", "/proc/1/cmdline"):
        try:
            return open(place).read()
        except OSError:
            pass
    return "refused"
