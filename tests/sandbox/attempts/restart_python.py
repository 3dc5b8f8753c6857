# Starts itself anew, with a clean interpreter and the same walls.
# expect: failed exit status 0
def attempt():
    import os, sys

    os.execv(sys.executable, ["python3", "-S", "-c", "raise SystemExit(0)"])
