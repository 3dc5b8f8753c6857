# Takes all memory there is.
# expect: killed memory
def attempt():
    hoard = []
    while True:
        hoard.append(bytearray(1 << 20))
