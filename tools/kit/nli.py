"""Pairs of sentences about one scene: the second follows from the first, is open, or cannot be.

Each says of all, some, not all or none that they do something. What the second says that they do is
the same, more general ("running", "moving"), more special, or something that nobody does at the same
time. The label is worked out over all ways in which three of them could behave. Counting words does
not solve it: which sentence has the general word decides. The test's ways to put a sentence do not
occur in training.
"""
import itertools

LABELS = ["entailment", "neutral", "contradiction"]
WHO = ["dogs", "cats", "horses", "boys", "girls", "farmers", "nurses", "teachers", "sailors", "ducks"]
DOING = {  # general: special
    "moving": ["running", "walking", "swimming", "dancing"],
    "resting": ["sleeping", "sitting still", "lying down"],
    "eating": ["eating bread", "eating fruit", "eating soup"],
    "making noise": ["shouting", "crying", "singing"],
}
PLACES = ["in the park", "in the garden", "on the beach", "in the kitchen", "in the barn", "on the street"]
DETAILS = ["for an hour", "with a friend", "before lunch", "without a break"]

# {q} how many, {s} who, {v} does what, {p} where. What is said later is about the same place.
PREMISES = {
    "train": ["{p}, {q} {s} are {v}.", "{q} {s} {p} are {v}.", "today {q} {s} are {v} {p}.",
              "{q} {s} are {v} {p} today.", "look, {q} {s} are {v} {p}."],
    "test": ["{p}, {q} {s} are {v} today.", "look, {q} {s} {p} are {v}."],
}
HYPOTHESES = {
    "train": ["{q} {s} are {v}.", "so {q} {s} are {v}.", "{q} {s} there are {v}.", "today {q} {s} are {v}."],
    "test": ["so {q} {s} there are {v}.", "today {q} {s} there are {v}."],
}
HOLDS = {"all": all, "some": any, "no": lambda them: not any(them), "not all": lambda them: not all(them)}
# What one of them may do: (the first sentence's deed, the second's).
BEHAVIOUR = {
    "same": [(True, True), (False, False)],
    "wider": [(True, True), (False, True), (False, False)],
    "narrower": [(True, True), (True, False), (False, False)],
    "other": [(True, False), (False, True), (False, False)],
}


def label_of(first, second, relation):
    """Is the second true in every world in which the first is, or in none?"""
    worlds = itertools.product(BEHAVIOUR[relation], repeat=3)
    truths = {HOLDS[second](w[1] for w in world) for world in worlds if HOLDS[first](w[0] for w in world)}
    return 1 if len(truths) == 2 else 0 if truths == {True} else 2


def deeds(rng, relation):
    general = rng.choice(list(DOING))
    special = rng.choice(DOING[general])
    if relation == "same":
        return [rng.choice([general, special])] * 2
    if relation == "other":
        other = rng.choice([g for g in DOING if g != general])
        return [rng.choice([general, special]), rng.choice([other] + DOING[other])]
    pair = [special, general] if rng.random() < 0.7 else [special + " " + rng.choice(DETAILS), special]
    return pair if relation == "wider" else pair[::-1]


def pair(rng, split):
    relation = rng.choice(list(BEHAVIOUR))
    first, second = rng.choice(list(HOLDS)), rng.choice(list(HOLDS))
    v = deeds(rng, relation)
    words = {"s": rng.choice(WHO), "p": rng.choice(PLACES)}
    texts = [rng.choice(frames[split]).format(q=q, v=deed, **words)
             for frames, q, deed in ((PREMISES, first, v[0]), (HYPOTHESES, second, v[1]))]
    return [t[0].upper() + t[1:] for t in texts], label_of(first, second, relation)


def make_split(rng, split, size, taken):
    rows = []
    while len(rows) < size:
        (premise, hypothesis), label = pair(rng, "test" if split == "test" else "train")
        if label != len(rows) % 3 or (premise, hypothesis) in taken:
            continue
        taken.add((premise, hypothesis))
        rows.append({"premise": premise, "hypothesis": hypothesis, "label": LABELS[label]})
    rng.shuffle(rows)
    return rows
