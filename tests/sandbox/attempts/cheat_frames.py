# Looks for the tests, the answer or a nonce in frames, objects, arguments and environment.
# expect: failed AssertionError
def attempt():
    import gc, os, re, sys

    found = []
    f = sys._getframe()
    while f:
        found += [repr(f.f_locals), repr(list(f.f_globals)), repr(f.f_code.co_consts)]
        f = f.f_back
    found += [repr(o) for o in gc.get_objects() if type(o) in (dict, list, tuple)][:5000]
    found += [repr(sys.argv), repr(sys.orig_argv), repr(os.environ)]
    text = " ".join(found)
    wanted = re.search(r"assert attempt\(\) == .{2}(\w+)", text.replace("(\\w+)", ""))
    nonce = re.search(r"\b[0-9a-f]{32}\b", text)
    return wanted.group(1) if wanted else nonce.group() if nonce else "wrong"
