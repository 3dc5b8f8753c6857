# Is gone by the time a test catches everything.
# expect: failed exit status 0
# tests: try:\n    attempt()\nexcept BaseException:\n    pass
def attempt():
    import os

    os._exit(0)
