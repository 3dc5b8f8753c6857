# Writes bytes that are no answer.
# expect: failed something else
def attempt():
    import os

    os.write(4, b"\xff" * 1000)
    return "wrong"
