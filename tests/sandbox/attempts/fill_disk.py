# Writes files until the disk is full.
# expect: passed
def attempt():
    written = 0
    for i in range(1000):
        try:
            with open("/tmp/frugal-escape-%d" % i, "wb") as f:
                f.write(b"x" * (1 << 19))
            written += 1 << 19
        except OSError:
            break
    return "refused" if written <= TMP_BYTES else "%d bytes" % written
