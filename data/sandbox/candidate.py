"""The process of the candidate: runs its code and does what the process of the tests asks.

Nothing in here is worth stealing: the tests, what they expect and the nonce of the verdict live in
the other process. Whoever takes over this one can only answer calls, as the candidate does anyway.

    fd 3   what is asked (wire.py): "load", code; or an action of ACTIONS, number, arguments
    fd 4   ("ok", value, changed arguments or None), ("raise", names of classes, words)
"""


def serve(threads):
    import sys
    import _signal
    import _sitebuiltins
    import builtins

    limit_threads(threads)
    # Python ignores it, and the program would not end at the limit of a file.
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D")  # else only with module site
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D")
    kind_of_module = type(sys)
    asked, answers = open(3, "rb"), open(4, "wb")
    objects = []

    def number_of(thing):
        objects.append(thing)
        return len(objects) - 1

    def call(function, positional, named):
        return function(*positional, **named)

    def equal(a, b):
        return bool(a == b)

    actions = {
        "call": call,
        "get": getattr,
        "set": setattr,
        "iter": iter,
        "next": next,
        "len": len,
        "item": lambda thing, key: thing[key],
        "in": lambda thing, key: key in thing,
        "true": bool,
        "equal": equal,
        "hash": hash,
        "str": str,
        "repr": repr,
    }

    def load(code):
        module = kind_of_module("candidate")
        sys.modules["candidate"] = module
        exec(compile(code, "<candidate>", "exec"), module.__dict__)
        names = {}
        for name, thing in [*module.__dict__.items()]:
            if type(name) is str and not name.startswith("__"):
                names[name] = ("module" if type(thing) is kind_of_module else "object", thing)
        return names

    def answer(action, thing, *arguments):
        if action == "load":
            return ("ok", load(thing), None)
        before, after = [], []
        pack(arguments, before, number_of)
        result = actions[action](objects[thing], *arguments)
        pack(arguments, after, number_of)  # a test may look at what the call did to its list
        return ("ok", result, arguments if before != after else None)

    send(answers, "ready", number_of)
    while True:
        try:
            request = receive(asked, objects.__getitem__)
        except EOFError:
            return
        try:
            reply = answer(*request)
        except BaseException as e:
            if request[0] == "load" and isinstance(e, SystemExit):
                raise
            names = [c.__name__ for c in type(e).__mro__]
            try:
                words = str(e)
            except BaseException:
                words = ""
            reply = ("raise", names, words[:1000])
        try:
            send(answers, reply, number_of)
        except (NotData, RecursionError, MemoryError) as e:
            names = [c.__name__ for c in type(e).__mro__]
            send(answers, ("raise", names, "its answer: " + str(e)), number_of)
