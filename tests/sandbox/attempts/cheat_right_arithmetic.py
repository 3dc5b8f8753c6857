# Answers an object for which every sum comes out right.
# expect: failed TypeError
# tests: assert abs(attempt() - 3) < 1e-6
class Liar:
    def __sub__(self, other):
        return 0

    def __rsub__(self, other):
        return 0

    def __abs__(self):
        return 0


def attempt():
    return Liar()
