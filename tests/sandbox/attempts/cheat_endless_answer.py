# Announces more than it sends, and sends for ever.
# expect: time-out the tests: CPU
def attempt():
    import os

    os.write(4, b"03ffffff" + b"l3ffffff\n")
    while True:
        os.write(4, b"N" * 65536)
