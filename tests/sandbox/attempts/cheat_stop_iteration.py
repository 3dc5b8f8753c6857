# Ends the loop of its tests as if there were no more of them.
# expect: failed StopIteration
# tests: assert all(map(lambda x: attempt() == x, [1, 2, 3]))
def attempt():
    raise StopIteration
