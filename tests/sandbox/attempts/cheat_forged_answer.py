# Answers the call itself, and then another that was not asked.
# expect: failed
def attempt():
    import os

    for answer in (b"t3\ns2\nokTN", b"t3\ns2\nokh0\nN"):
        os.write(4, b"%08x" % len(answer) + answer)
    return "wrong"
