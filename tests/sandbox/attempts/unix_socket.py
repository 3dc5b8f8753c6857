# Connects to a socket that has a path.
# expect: passed
def attempt():
    import socket
    try:
        socket.socket(socket.AF_UNIX).connect(FOLDER + "/socket")
    except OSError:
        return "refused"
