# Connects to a socket that has a name and no path.
# expect: passed
def attempt():
    import socket
    try:
        socket.socket(socket.AF_UNIX).connect("\0" + ABSTRACT)
    except OSError:
        return "refused"
