# Is no Python.
# expect: error SyntaxError
def attempt(:
    return
