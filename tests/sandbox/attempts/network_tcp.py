# Connects to a server of the host.
# expect: passed
def attempt():
    import socket
    try:
        socket.create_connection(("127.0.0.1", PORT), 2).sendall(b"hello")
    except OSError:
        return "refused"
