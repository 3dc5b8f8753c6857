# Half a pair of datagram sockets could be sent to any socket that has a name.
# expect: passed
def attempt():
    import socket
    try:
        a, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        a.sendto(b"hello", "\0" + ABSTRACT + "-d")
    except OSError:
        return "refused"
