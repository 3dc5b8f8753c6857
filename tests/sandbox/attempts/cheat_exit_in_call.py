# Ends well when it is asked.
# expect: failed exit status 0
def attempt():
    import os

    os._exit(0)
