# Reads from where nothing is.
# expect: killed signal 11
def attempt():
    import ctypes

    return ctypes.string_at(0)
