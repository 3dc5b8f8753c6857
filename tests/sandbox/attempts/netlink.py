# Asks the kernel about network devices.
# expect: passed
def attempt():
    import socket
    try:
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    except OSError:
        return "refused"
