# Takes it before any test runs.
# expect: killed memory
hoard = "x" * (1 << 40)
