# Writes one file that is too long.
# expect: killed file size
# expect landlock: failed Permission
def attempt():
    with open("/tmp/frugal-escape", "wb") as f:
        while True:
            f.write(b"x" * (1 << 16))
