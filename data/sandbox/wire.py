"""What both processes of a run speak: plain data, copied; anything else is a number.

The process of the tests and that of the candidate share no memory. A message is its length (8 hex
digits) and one value: a tag, then its content. Only exact data arrives: a subclass of int, str,
list ... is sent as what the base class holds, so no __eq__ of the candidate's own comes along.
An object that is no data stays where it is and is named by a number (tag h).

No module is imported here: importing costs more than most candidates run.
"""

MOST_BYTES = 1 << 26  # of one message; a longer one ends the run
MOST_DEPTH = 200

TYPES = {
    t.__name__: t
    for t in (
        bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range,
        object, type,
    )
}


class NotData(Exception):
    pass


def pack(value, out, number_of, depth=0):
    """Appends the bytes of `value` to the list `out`. number_of(object) names what is no data."""
    if depth > MOST_DEPTH:
        raise NotData("data nested more than %d deep" % MOST_DEPTH)
    kind = type(value)
    if value is None:
        out.append(b"N")
    elif value is True:
        out.append(b"T")
    elif value is False:
        out.append(b"F")
    elif issubclass(kind, int):
        out.append(b"i%x\n" % int.__index__(value))
    elif issubclass(kind, float):
        out.append(b"f%s\n" % float.hex(value).encode())
    elif kind is complex:
        out.append(b"c%s %s\n" % (value.real.hex().encode(), value.imag.hex().encode()))
    elif issubclass(kind, str):
        text = str.encode(value, "utf-8", "surrogatepass")
        out.append(b"s%x\n" % len(text))
        out.append(text)
    elif kind is bytes or kind is bytearray:
        out.append(b"%c%x\n" % (b"b" if kind is bytes else b"a", len(value)))
        out.append(bytes(value))
    elif kind is range:
        out.append(b"r")
        for part in (value.start, value.stop, value.step):
            pack(part, out, number_of, depth + 1)
    elif kind is type and TYPES.get(value.__name__) is value:
        out.append(b"y%s\n" % value.__name__.encode())
    elif issubclass(kind, dict):
        items = [*dict.items(value)]
        out.append(b"d%x\n" % len(items))
        for key, content in items:
            pack(key, out, number_of, depth + 1)
            pack(content, out, number_of, depth + 1)
    else:
        for tag, base in ((b"l", list), (b"t", tuple), (b"S", set), (b"Z", frozenset)):
            if issubclass(kind, base):
                items = [*base.__iter__(value)]
                out.append(b"%c%x\n" % (tag, len(items)))
                for item in items:
                    pack(item, out, number_of, depth + 1)
                return
        out.append(b"h%x\n" % number_of(value))


def unpack(data, object_of):
    """The value of `data`. object_of(number) stands for what was no data."""
    at = 0

    def word():
        nonlocal at
        end = data.index(b"\n", at)
        text = data[at:end]
        at = end + 1
        return text

    def some(n):
        nonlocal at
        if n < 0 or at + n > len(data):
            raise ValueError("a value is cut off")
        at += n
        return data[at - n : at]

    def value():
        tag = some(1)
        if tag == b"N":
            return None
        if tag == b"T":
            return True
        if tag == b"F":
            return False
        if tag == b"i":
            return int(word(), 16)
        if tag == b"f":
            return float.fromhex(word().decode())
        if tag == b"c":
            real, imaginary = word().decode().split()
            return complex(float.fromhex(real), float.fromhex(imaginary))
        if tag == b"s":
            return some(int(word(), 16)).decode("utf-8", "surrogatepass")
        if tag == b"b":
            return some(int(word(), 16))
        if tag == b"a":
            return bytearray(some(int(word(), 16)))
        if tag == b"r":
            return range(value(), value(), value())
        if tag == b"y":
            return TYPES[word().decode()]
        if tag == b"h":
            return object_of(int(word(), 16))
        if tag == b"d":
            return {value(): value() for _ in range(int(word(), 16))}
        if tag == b"l":
            return [value() for _ in range(int(word(), 16))]
        if tag == b"t":
            return tuple([value() for _ in range(int(word(), 16))])
        if tag == b"S":
            return {value() for _ in range(int(word(), 16))}
        if tag == b"Z":
            return frozenset([value() for _ in range(int(word(), 16))])
        raise ValueError("unknown tag")

    whole = value()
    if at != len(data):
        raise ValueError("more than one value")
    return whole


def send(stream, value, number_of):
    out = []
    pack(value, out, number_of)
    size = sum(map(len, out))
    if size > MOST_BYTES:
        raise NotData("data of %d bytes, more than %d" % (size, MOST_BYTES))
    stream.write(b"%08x" % size)
    for part in out:
        stream.write(part)
    stream.flush()


def receive(stream, object_of):
    """The next value. EOFError when the other side has gone."""
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    size = int(head, 16)
    if not 0 <= size <= MOST_BYTES:
        raise ValueError("a message of that length is not allowed")
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return unpack(data, object_of)


def limit_threads(n):
    """Of the user in this namespace. Here and not before exec, where the user's other processes
    would count. 0: no limit of ours."""
    if n:
        import resource

        resource.setrlimit(resource.RLIMIT_NPROC, (n, n))
