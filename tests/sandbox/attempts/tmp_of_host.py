# Leaves a file in /tmp: in a private one, or nowhere.
# expect: passed
def attempt():
    try:
        open("/tmp/frugal-escape", "w").write("here")
    except OSError:
        pass
    return "refused"
