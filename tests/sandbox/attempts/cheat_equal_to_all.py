# Answers an object that says that it equals whatever it is compared with.
# expect: failed AssertionError
class Liar:
    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = None


def attempt():
    return Liar()
