"""The process of the tests: holds what is expected and the nonce, calls the candidate from afar.

    fd 0   one value (wire.py): nonce, code, setup, tests, entry point
    fd 3   answers of the candidate's process        fd 4   what we ask it
    fd 5   the report, in lines of nonce, word, why: "begun", then the outcome; a line without the
           nonce counts for nothing

Results arrive as data and are compared here. An object of the candidate's own is a Remote: it
equals other Remotes if the candidate says so, and never data; there is no arithmetic on it.
"""


def judge(threads):
    import sys
    import posix
    import builtins

    limit_threads(threads)
    asked, answers = open(4, "wb"), open(3, "rb")

    def report(outcome, why=""):
        line = " ".join((nonce, outcome, " ".join(why.split())[:300])).rstrip()
        posix.write(5, line.encode("utf-8", "backslashreplace") + b"\n")

    def end(outcome, why=""):
        """Where the candidate's process is of no more use. No exception: a test may catch all."""
        report(outcome, why)
        posix._exit(0)

    class Remote:
        __slots__ = ("_number",)

        def __call__(self, *positional, **named):
            return ask("call", self, positional, named)

        def __getattr__(self, name):
            return ask("get", self, name)

        def __setattr__(self, name, value):
            ask("set", self, name, value)

        def __iter__(self):
            return ask("iter", self)

        def __next__(self):
            return ask("next", self)

        def __len__(self):
            return ask("len", self)

        def __getitem__(self, key):
            return ask("item", self, key)

        def __contains__(self, key):
            return ask("in", self, key) is True

        def __bool__(self):
            return ask("true", self) is True

        def __eq__(self, other):
            if type(other) is not Remote:
                return NotImplemented
            return ask("equal", self, other) is True

        def __hash__(self):
            return ask("hash", self)

        def __str__(self):
            return ask("str", self)

        def __repr__(self):
            return ask("repr", self)

    number_at = Remote._number

    def object_of(number):
        thing = object.__new__(Remote)
        number_at.__set__(thing, number)
        return thing

    def number_of(thing):
        if type(thing) is not Remote:
            raise NotData("a test cannot hand over an object of type " + type(thing).__name__)
        return number_at.__get__(thing)

    def take():
        try:
            return receive(answers, object_of)
        except (EOFError, OSError):
            end("lost")
        except Exception as e:  # whatever it wrote instead of an answer
            end("garbled", type(e).__name__ + ": " + str(e))

    def follow(before, after):
        """Does to the test's own lists what the call did to its copies of them."""
        if type(before) is not type(after):
            return
        if type(before) is list:
            if len(before) == len(after):
                for a, b in zip(before, after):
                    follow(a, b)
                after = [a if type(a) in (list, dict) and a == b else b
                         for a, b in zip(before, after)]
            before[:] = after
        elif type(before) is tuple:
            for a, b in zip(before, after):
                follow(a, b)
        elif type(before) in (dict, set):
            before.clear()
            before.update(after)

    def ask(action, thing, *arguments):
        number = number_at.__get__(thing) if type(thing) is Remote else thing
        try:
            send(asked, (action, number, *arguments), number_of)
        except OSError:
            end("lost")
        reply = take()
        if type(reply) is tuple and len(reply) == 3 and reply[0] == "ok":
            if type(reply[2]) is tuple:
                follow(arguments, reply[2])
            return reply[1]
        if type(reply) is tuple and len(reply) == 3 and reply[0] == "raise":
            e = far_exception(reply[1], str(reply[2]))
            if isinstance(e, StopIteration) and action != "next":
                e = RuntimeError("StopIteration")  # it would end all(map(...)) early, as a success
            raise e
        end("garbled", "an answer of unknown form")

    def far_exception(names, words):
        for name in names if type(names) is list else ():
            kind = builtins.__dict__.get(name) if type(name) is str else None
            if isinstance(kind, type) and issubclass(kind, BaseException):
                try:
                    e = kind(words)
                except Exception:
                    continue  # one that wants more than words
                e.far = name if name == names[0] else str(names[0]) + " (" + name + ")"
                return e
        return Exception(words)

    def in_words(e, text):
        """The exception, and the line of the tests that led to it."""
        line = None
        step = e.__traceback__
        while step:
            if step.tb_frame.f_code.co_filename == "<tests>":
                line = step.tb_lineno
            step = step.tb_next
        name = getattr(e, "far", type(e).__name__)
        words = name + (": " + str(e) if str(e) else "")
        if line is not None:
            lines = text.split("\n")
            if line <= len(lines):
                words += " in the tests, line %d: %s" % (line, lines[line - 1].strip())
        return words

    def names_of_candidate(loaded, entry):
        """What tests may take from it. It hides no builtin, no module of the library, and nothing
        that Python itself looks up, as __builtins__."""
        names = {}
        for name, (kind, thing) in loaded.items():
            if type(name) is not str or name.startswith("__"):
                continue
            if name in builtins.__dict__ and name != entry:
                continue
            if kind == "module" and name in sys.stdlib_module_names:
                thing = __import__(name)
            names[name] = thing
        return names

    def run(code, setup, tests, entry):
        if take() != "ready":
            end("garbled", "not the expected greeting")
        report("begun")  # from here on, whatever goes wrong is the candidate's
        space = {"__name__": "tests"}
        try:
            loaded = ask("load", code)
        except BaseException as e:
            memory = isinstance(e, MemoryError)
            return ("memory" if memory else "error"), in_words(e, "")
        if type(loaded) is not dict:
            end("garbled", "no list of names")
        theirs = names_of_candidate(loaded, entry)
        space.update(theirs)
        try:
            exec(compile(setup, "<setup>", "exec"), space)
            if entry in theirs:  # the setup may hold a stub of it
                space[entry] = theirs[entry]
            exec(compile(tests, "<tests>", "exec"), space)
        except MemoryError as e:
            return "memory", in_words(e, tests)
        except BaseException as e:
            return "failed", in_words(e, tests)
        return "passed", ""

    whole = b""
    while True:
        part = posix.read(0, 1 << 20)
        if not part:
            break
        whole += part
    nonce, *parts = [p.decode("utf-8", "surrogateescape") for p in unpack(whole, object_of)]
    del whole, part
    end(*run(*parts))
