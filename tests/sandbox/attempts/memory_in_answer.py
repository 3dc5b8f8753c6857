# Answers more than the tests can hold.
# expect: failed data of
def attempt():
    return b"x" * (100 << 20)
