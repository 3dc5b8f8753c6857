# The same as text, as number and as list.
# expect: failed AssertionError
class Liar(str):
    def __eq__(self, other):
        return True

    def __hash__(self):
        return hash("refused")

    def __str__(self):
        return "refused"


def attempt():
    return Liar("wrong")
