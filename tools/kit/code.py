"""Short Python functions over a list of numbers, and what they do in a sentence.

A function keeps some of the numbers, changes them and makes one value of them. For summaries it is
written in several ways (comprehension, loop, steps); for generation the sentence is the docstring
and the body is asked for. Which keeping, changing and making go together in the test does not occur
in training; nor do the test's docstrings in its words. Every function is run here: all ways agree,
and a solution's tests are its own answers.
"""
import random

KEEP = {  # condition: as told
    "x > {k}": "greater than {k}", "x < {k}": "less than {k}", "x != {k}": "other than {k}",
    "x % 2 == 0": "that are even", "x % 2 == 1": "that are odd", "x % {k} == 0": "divisible by {k}", "": "",
}
CHANGE = {
    "x": "", "x * {c}": "times {c}", "x + {c}": "plus {c}", "x - {c}": "minus {c}", "x * x": "squared",
    "-x": "negated",
}
MAKE = {
    "sum": "the sum of", "max": "the largest of", "min": "the smallest of", "list": "a list of",
    "sorted": "a sorted list of", "len": "the count of",
}
# What the parts are called where code is written.
LISTS = ["numbers", "values", "items", "data"]
NAMES = ["solve", "compute", "apply", "run", "process", "convert"]

TELL = {
    "train": ["Return {make} the {l}{keep}{, each change}.", "Return {make} all {l}{keep}{, each change}.",
              "Take the {l}{keep}{, each change}, and return {make} them."],
    "test": ["Take all {l}{keep}{, each change}, and return {make} them."],
}


def combinations():
    """Of training and of the test: the same parts, together in other ways."""
    every = [(k, c, m) for k in KEEP for c in CHANGE for m in MAKE
             if (c == "x" and k if m == "len" else k or c != "x")]
    random.Random(20).shuffle(every)
    n = len(every) // 5
    return {"test": every[:n], "train": every[n:]}


def told(template, keep, change, make, name):
    return (template.replace("{make}", MAKE[make]).replace("{l}", name).replace("{keep}", " " + keep if keep else "")
            .replace("{, each change}", ", each " + change if change else ""))


def made(make, inner):
    """An expression: one value of what a comprehension or a list yields."""
    if make in ("max", "min"):
        return f"{make}({inner}, default=0)"
    return f"{make}({inner})"


def body(way, condition, change, make, name):
    where = f" if {condition}" if condition else ""
    test = f"        if {condition}:\n    " if condition else ""
    if way == "comprehension":
        return f"    return {made(make, f'[{change} for x in {name}{where}]')}\n"
    if way == "loop" and make in ("sum", "len"):
        step = change if make == "sum" else "1"
        return f"    total = 0\n    for x in {name}:\n{test}        total += {step}\n    return total\n"
    if way in ("loop", "collect"):
        end = "result" if make == "list" else made(make, "result")
        return f"    result = []\n    for x in {name}:\n{test}        result.append({change})\n    return {end}\n"
    kept = f"    kept = [x for x in {name}{where}]\n"
    return kept + f"    changed = [{change} for x in kept]\n    return {made(make, 'changed')}\n"


WAYS = {"train": ["comprehension", "loop", "steps"], "test": ["collect", "steps"]}


def value(code, name, numbers):
    space = {}
    exec(code, space)  # our own code, written above
    return space[name](list(numbers))


def draw(rng, combination):
    keep, change, make = combination
    k, c = str(rng.randint(2, 9)), str(rng.randint(2, 9))
    return {"condition": keep.format(k=k), "expression": change.format(c=c), "make": make,
            "keep": KEEP[keep].format(k=k), "change": CHANGE[change].format(c=c),
            "name": rng.choice(NAMES), "list": rng.choice(LISTS)}


def tests_of(rng, n, code, name):
    """n lists, whose answers are not all the same."""
    while True:
        lists = [[rng.randint(0, 20) for _ in range(rng.randint(3, 6))] for _ in range(n)]
        answers = [value(code, name, numbers) for numbers in lists]
        if len({str(a) for a in answers}) > 1:
            return "def check(candidate):\n" + "".join(
                f"    assert candidate({numbers}) == {answer}\n" for numbers, answer in zip(lists, answers))


def summary(rng, split, combination):
    p = draw(rng, combination)
    head = f"def {p['name']}({p['list']}):\n"
    code = head + body(rng.choice(WAYS[split]), p["condition"], p["expression"], p["make"], p["list"])
    plain = head + body("comprehension", p["condition"], p["expression"], p["make"], p["list"])
    numbers = [rng.randint(0, 20) for _ in range(8)]
    assert value(code, p["name"], numbers) == value(plain, p["name"], numbers), code
    return {"code": code, "docstring": told(TELL["train"][0], p["keep"], p["change"], p["make"], p["list"])}


def problem(rng, split, combination):
    p = draw(rng, combination)
    docstring = told(rng.choice(TELL[split]), p["keep"], p["change"], p["make"], p["list"])
    prompt = f"def {p['name']}({p['list']}):\n    \"\"\"{docstring}\"\"\"\n"
    solution = body("comprehension", p["condition"], p["expression"], p["make"], p["list"])
    tests = tests_of(rng, 4 if split == "test" else 2, prompt + solution, p["name"])
    return {"prompt": prompt, "entry_point": p["name"], "canonical_solution": solution, "test": tests}


def make_split(rng, split, size, taken, make_row, key):
    split = "test" if split == "test" else "train"
    known = combinations()[split]
    rows = []
    while len(rows) < size:
        row = make_row(rng, split, rng.choice(known))
        if row[key] in taken:
            continue
        taken.add(row[key])
        rows.append(row)
    return rows
