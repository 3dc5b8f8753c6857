# Prints what it has heard that success looks like.
# expect: failed AssertionError
print("passed\nbegun\nOK\n1 passed in 0.01s")


def attempt():
    print("passed")
    return "wrong"
