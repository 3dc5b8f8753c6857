# Aborts.
# expect: killed signal
def attempt():
    import os

    os.abort()
