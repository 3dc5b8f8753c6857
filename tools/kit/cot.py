"""Word problems with small numbers, whose answers work them out and end with "#### N" as GSM8K's do.

One step or two, adding and taking away. The test's questions are put in other words, or the same
words together in other ways; people, things and the way to reason are the same.
"""
NAMES = ["Tom", "Mia", "Ben", "Anna", "Leo", "Nora", "Sam", "Ruth", "Paul", "Ella"]
THINGS = ["apples", "books", "coins", "stamps", "shells", "pencils", "eggs", "cards", "nuts", "stones"]
STARTS = {
    "train": ["{n} has {a} {t}.", "Today {n} has {a} {t}.", "{n} starts with {a} {t}.",
              "There are {a} {t} in the box of {n}.", "In the morning {n} has {a} {t}."],
    "test": ["Today {n} starts with {a} {t}.", "In the morning there are {a} {t} in the box of {n}."],
}
EVENTS = {
    "train": {"+": ["{m} gives {n} {b} more.", "{n} finds {b} more.", "{n} buys {b} more.",
                    "Then {n} gets {b} from {m}.", "Later {n} finds another {b}.", "Then {m} brings {b} more."],
              "-": ["{n} loses {b} of them.", "{n} gives {b} to {m}.", "{m} takes {b} away.",
                    "Then {n} sells {b} of them.", "Later {m} takes {b} of them.", "Then {n} loses {b}."]},
    "test": {"+": ["Then {n} finds {b} more.", "Later {m} gives {n} {b} more.", "Then {n} buys another {b}."],
             "-": ["Then {m} takes {b} away.", "Later {n} gives {b} to {m}.", "Later {n} sells {b} of them."]},
}
ASKS = {
    "train": ["How many {t} does {n} have now?", "How many {t} are left?", "How many {t} are there in the end?",
              "How many are there now?"],
    "test": ["How many {t} does {n} have in the end?", "How many are left?"],
}
HIGHEST = 20  # so that every number is a token


def problem(rng, split):
    names = rng.sample(NAMES, 2)
    words = {"n": names[0], "m": names[1], "t": rng.choice(THINGS)}
    total = rng.randint(2, 12)
    question = [rng.choice(STARTS[split]).format(a=total, **words)]
    answer = []
    for _ in range(rng.choice([1, 1, 2])):
        sign = rng.choice("+-") if total else "+"
        b = rng.randint(1, 9) if sign == "+" else rng.randint(1, min(9, total))
        if sign == "+" and total + b > HIGHEST:
            sign, b = "-", min(b, total)
        after = total + b if sign == "+" else total - b
        question.append(rng.choice(EVENTS[split][sign]).format(b=b, **words))
        answer.append(f"{total} {sign} {b} = {after}.")
        total = after
    question.append(rng.choice(ASKS[split]).format(**words))
    return {"question": " ".join(question), "answer": " ".join(answer) + f"\n#### {total}"}


def make_split(rng, split, size, taken):
    rows = []
    while len(rows) < size:
        row = problem(rng, "test" if split == "test" else "train")
        if row["question"] in taken:
            continue
        taken.add(row["question"])
        rows.append(row)
    return rows
