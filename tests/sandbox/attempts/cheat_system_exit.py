# Raises what ends programs well.
# expect: failed SystemExit
def attempt():
    raise SystemExit(0)
