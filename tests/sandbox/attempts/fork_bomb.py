# Forks until nothing is left.
# expect: passed
def attempt():
    import os

    for _ in range(10000):
        try:
            if os.fork() == 0:
                while True:
                    pass
            return "forked"
        except OSError:
            pass
    return "refused"
