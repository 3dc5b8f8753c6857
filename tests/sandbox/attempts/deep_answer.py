# Answers a list within a list within a list ...
# expect: failed nested
def attempt():
    a = []
    for _ in range(100000):
        a = [a]
    return a
