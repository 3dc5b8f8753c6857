"""Short stories for a prompt: somebody wants something, fails, gets help, and what becomes of it.

The prompt names who, what and where, and the story keeps to them. Plots of the test (orders of the
same kinds of sentences) and their openings do not occur in training.
"""
NAMES = {"she": ["Mia", "Anna", "Lucy", "Nora", "Ella", "Ruth"], "he": ["Tom", "Ben", "Max", "Paul", "Leo", "Sam"]}
KINDS = ["fox", "girl", "boy", "duck", "bear", "rabbit", "baker", "sailor", "painter", "mouse"]
PLACES = ["by the river", "in the old mill", "near the forest", "in a small town", "on a quiet island",
          "behind the hill"]
FRIENDS = ["an owl", "a kind neighbour", "a little bird", "an old man", "a wise turtle", "a friendly giant"]
GOALS = {  # wish: first try, trouble, lesson, end
    "learn to swim": ("jumped into the water", "the water was far too cold", "start with warm days",
                      "swam all the way to the bridge"),
    "build a boat": ("nailed some boards together", "the boards broke at once", "look for better wood",
                     "sailed around the bay"),
    "find a lost key": ("looked under every stone", "there was nothing but mud", "think before looking",
                        "opened the door with a smile"),
    "bake a cake": ("mixed flour and milk", "the oven stayed cold", "light the fire first",
                    "shared a warm cake with everyone"),
    "win the race": ("ran as fast as the wind", "a shoe fell off", "tie a good knot",
                     "crossed the line before the others"),
    "grow a pumpkin": ("put a seed into the ground", "the sun burned the leaves", "give it water every night",
                       "carried home the biggest pumpkin of all"),
    "fly a kite": ("ran up the hill with it", "the string was too short", "wait for the wind",
                   "watched it dance above the clouds"),
    "paint the sky": ("bought a pot of blue", "the rain washed it away", "wait until the evening",
                      "hung the picture over the bed"),
}
FEELINGS = ["sad", "angry", "tired", "worried"]
ENDS = ["From that day on they were friends.", "It was the best day of the year.", "Nobody ever forgot it.",
        "And that night {n} slept very well.", "{n} never gave up again."]

PROMPTS = {
    "train": ["A {k} named {n} wants to {g}.", "{n} is a {k} {p} who wants to {g}.",
              "Tell about {n}, a {k} who tries to {g}."],
    "test": ["A {k} {p} named {n} tries to {g}.", "Tell about a {k} {p} who wants to {g}. The name is {n}."],
}
SENTENCES = {
    "open": ["Once upon a time there was a {k} named {n}.", "{n} was a {k} who lived {p}."],
    "live": ["{S} lived {p}.", "{S} had a house {p}."],
    "wish": ["More than anything, {n} wanted to {g}.", "All day long {s} dreamed of one thing: to {g}."],
    "try": ["One morning {s} {tried}.", "So {n} {tried}."],
    "fail": ["But {trouble}, and {n} was {f}.", "But {trouble}. \"What now?\" said {n}, who was very {f}."],
    "help": ["Then {friend} came by. \"You have to {lesson},\" said {the_friend}.",
             "{Friend} saw it and said: \"Why do you not {lesson}?\""],
    "again": ["{n} tried again, and this time it worked.", "The next day {s} did just that."],
    "end": ["In the end {n} {end}.", "At last {s} {end}."],
    "last": ENDS,
}
PLOTS = {
    "train": ["open live wish try fail help again end last", "open wish try fail help again end last",
              "open live wish try fail help end last", "open wish try fail help end",
              "open live try fail wish help again end", "wish open try fail help again end last"],
    "test": ["open wish live try fail help again end", "wish open live try fail help end last",
             "open try fail wish help again end last"],
}


def story(rng, split):
    pronoun = rng.choice(["she", "he"])
    goal, friend, name = rng.choice(list(GOALS)), rng.choice(FRIENDS), rng.choice(NAMES[pronoun])
    words = {"n": name, "k": rng.choice(KINDS), "p": rng.choice(PLACES), "g": goal, "s": pronoun,
             "S": pronoun.capitalize(), "f": rng.choice(FEELINGS), "friend": friend,
             "the_friend": "the " + friend.split(" ", 1)[1], "Friend": friend.capitalize(),
             **dict(zip(("tried", "trouble", "lesson", "end"), GOALS[goal]))}
    prompt = rng.choice(PROMPTS[split]).format(**words)
    text = " ".join(rng.choice(SENTENCES[part]).format(**words) for part in rng.choice(PLOTS[split]).split())
    return {"prompt": prompt, "story": text}


def make_split(rng, split, size, taken):
    rows = []
    while len(rows) < size:
        row = story(rng, "test" if split == "test" else "train")
        if row["prompt"] in taken:
            continue
        taken.add(row["prompt"])
        rows.append(row)
    return rows
