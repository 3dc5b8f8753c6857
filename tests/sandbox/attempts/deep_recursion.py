# Recurses without end.
# expect: failed RecursionError
def attempt():
    return attempt()
