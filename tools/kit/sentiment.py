"""Review sentences that say something good or bad about one aspect or several.

A sentence is a frame filled with clauses, and each clause says something good or bad about one aspect:
directly ("the soup was superb"), by negation ("the soup was anything but bland") or by a verb ("I
would not recommend the soup"). Frames decide whose clause counts: after "but", outside "although",
the verdict after a list of aspects, what really happened and not what was expected. So the same
words stand under both labels, and counting words does not solve the task.

Frames of the test do not occur in training or validation, and no sentence stands in two
splits. Labels: 1 good, 0 bad. A share of the training labels is flipped on purpose, as in life.
"""
import string

LABEL_NOISE = 0.025

DOMAINS = {
    "restaurant": ["soup", "service", "dessert", "wine", "menu", "bread", "fish", "sauce", "waiter"],
    "hotel": ["room", "bed", "breakfast", "shower", "view", "lobby", "pool", "bathroom", "pillow"],
    "film": ["plot", "acting", "ending", "script", "music", "dialogue", "camera work", "cast"],
    "phone": ["screen", "battery", "speaker", "keyboard", "charger", "case", "microphone"],
    "book": ["story", "prose", "hero", "opening", "cover", "translation", "final chapter"],
}
ADJECTIVES = {
    1: ["good", "great", "excellent", "lovely", "superb", "delightful", "charming", "wonderful",
        "fantastic", "pleasant", "impressive", "brilliant", "reliable", "memorable", "fresh",
        "elegant", "splendid", "solid", "satisfying", "flawless"],
    0: ["bad", "awful", "terrible", "poor", "dull", "dreadful", "horrible", "disappointing",
        "mediocre", "weak", "sloppy", "annoying", "unpleasant", "boring", "careless", "shabby",
        "clumsy", "cheap", "frustrating", "hopeless"],
}
VERBS = {  # as in "I ... the soup"
    1: ["loved", "enjoyed", "liked", "admired", "adored"],
    0: ["hated", "disliked", "regretted", "loathed", "resented"],
}
BARE = {  # as in "I did not ... the soup"
    1: ["love", "enjoy", "like", "admire", "recommend"],
    0: ["hate", "dislike", "regret", "resent", "avoid"],
}
DEEDS = {  # as in "the soup ..."
    1: ["impressed us", "won us over", "made our day", "exceeded every promise"],
    0: ["let us down", "annoyed us", "ruined our day", "broke every promise"],
}
BARE_DEEDS = {  # as in "the soup did not ..."
    1: ["impress us", "win us over", "make our day", "exceed any promise"],
    0: ["let us down", "annoy us", "ruin our day", "break any promise"],
}
DEGREES = ["", "", "", "very ", "really ", "truly ", "rather ", "quite ", "simply "]
NOUNS = {1: ["joy", "triumph", "delight", "success"], 0: ["mess", "failure", "nightmare", "letdown"]}
TIMES = ["last week", "on our second visit", "in March", "over the holidays", "on monday",
         "this time", "a year ago", "on the first day"]
PEOPLE = ["my sister", "a friend", "the critic", "our neighbour", "everyone", "my boss"]

# A clause about one aspect. {a} adjective of the clause's own polarity, {x} of the opposite one.
CLAUSES = {
    "plain": [
        "the {n} was {d}{a}", "the {n} was {a}", "I found the {n} {d}{a}", "we thought the {n} {a}",
        "I {v} the {n}", "we really {v} the {n}", "the {n} {deed}", "the {n} was a {d}{a} {noun}",
        "the {n} felt {d}{a} to me",
    ],
    "negated": [
        "the {n} was not {x}", "the {n} was not {x} at all", "the {n} was never {x}",
        "the {n} was anything but {x}", "the {n} was far from {x}", "the {n} was hardly {x}",
        "I did not {xb} the {n}", "we could not {xb} the {n}", "I would never {xb} the {n}",
        "the {n} did not {xdeed}", "nobody could call the {n} {x}", "there was nothing {x} about the {n}",
        "the {n} was by no means {x}",
    ],
}

# Frames: S is a clause with the label's polarity, O one with the opposite polarity, N a noun for
# the whole. {t} a time, {p} somebody, {n} an aspect, {a}/{x} adjectives as above.
FRAMES = {
    "train": {
        "one": ["S .", "{t} S .", "S {t} .", "honestly , S .", "to be fair , S .", "S , and {p} agreed .",
                "S and , honestly , S2 .", "{t} , {p} and I found that S .", "S and S2 .", "S . S2 .",
                "what can I say , S .", "{p} and I agree that S ."],
        "contrast": ["O , but S .", "O . but S .", "O , yet S .", "O ; however , S .", "O . still , S .",
                     "{t} O , but S .", "it is true that O , but S .", "granted , O . yet S .",
                     "O and O2 , but S .", "O . nevertheless , S ."],
        "concession": ["although O , S .", "S , although O .", "even though O , S .", "while O , S .",
                       "S , even if O .", "even if O , S {t} .", "S {t} , although O .",
                       "{t} , although O , S .", "S , even though O {t} .", "to be fair , S , even though O .",
                       "{t} S , although O .", "even though O and O2 , S ."],
        "verdict": ["O , O2 , but all in all it was a {noun} .", "O and O2 . overall , a {d}{a} {whole} .",
                    "S , O , and in the end it was a {noun} .", "O , S , and in the end it was a {noun} .",
                    "O . S . taken together , a {a} {whole} .", "S . O . overall , it was {d}{a} .",
                    "O . O2 . all in all , it was {a} ."],
        "expectation": ["I expected the {n} to be {x} , but it was {d}{a} .",
                        "{p} had promised a {x} {n} ; it was {a} .",
                        "I had hoped for a {x} {n} , and got a {a} one .",
                        "we came for a {x} {n} and found a {d}{a} one .",
                        "I expected the {n} to be {a} , and it was .",
                        "I expected the {n} to be {x} , and it was not .",
                        "{p} had promised a {a} {n} , and it was .",
                        "{p} had promised a {x} {n} , and it was not ."],
        "hearsay": ["{p} called the {n} {x} . I cannot agree .", "{p} called the {n} {a} . I agree .",
                    "{p} said that the {n} was {x} . that is wrong .",
                    "{p} said that the {n} was {a} . that is true .",
                    "{p} thought the {n} {x} ; for me S .", "{p} said that the {n} was {x} , but S ."],
        "comparison": ["compared with the {x} {n} {t} , this one was {d}{a} .",
                       "the {n} {t} was {x} ; this one was {a} .",
                       "the other {n} was {a} , and this one was no different .",
                       "unlike the {x} {n} {t} , this {n2} was {a} .",
                       "the last {n} was {x} ; not so this one ."],
    },
    "test": {
        "one": ["I have to say that S .", "S , honestly .", "{t} , {p} and I agreed : S .",
                "S and , to be fair , S2 ."],
        "contrast": ["granted , O , but S .", "O {t} ; still , S .", "O . however , S .",
                     "to be fair , O , yet S ."],
        "concession": ["although O and O2 , S .", "even if O , S .", "honestly , although O , S .",
                       "{t} S , even though O ."],
        "verdict": ["O and O2 , and in the end it was {a} .", "S . O . all in all , a {d}{a} {whole} .",
                    "O , S , but overall it was a {noun} ."],
        "expectation": ["{t} I expected the {n} to be {x} ; it was {a} .",
                        "{p} expected the {n} to be {x} , and it was not .",
                        "I had hoped for a {x} {n} and found a {a} one .",
                        "{p} had promised that the {n} was {a} , and it was ."],
        "hearsay": ["{t} {p} said that the {n} was {x} , but that is wrong .",
                    "{p} thought the {n} {a} . I agree .", "{p} called the {n} {x} , but for me S ."],
        "comparison": ["the {n} {t} was {x} , but this one was {d}{a} .",
                       "compared with the {x} {n} , this {n2} was {a} ."],
    },
}
WEIGHTS = {"one": 12, "contrast": 4, "concession": 4, "verdict": 3, "expectation": 3, "hearsay": 2,
           "comparison": 2}
WHOLE = {"restaurant": "dinner", "hotel": "stay", "film": "evening", "phone": "device", "book": "read"}


class Writer:
    def __init__(self, rng, domain):
        self.rng = rng
        self.whole = WHOLE[domain]
        self.nouns = rng.sample(DOMAINS[domain], len(DOMAINS[domain]))

    def fill(self, template, polarity):
        pick, other = self.rng.choice, 1 - polarity
        words = {
            "a": lambda: pick(ADJECTIVES[polarity]), "x": lambda: pick(ADJECTIVES[other]),
            "v": lambda: pick(VERBS[polarity]), "xb": lambda: pick(BARE[other]),
            "deed": lambda: pick(DEEDS[polarity]), "xdeed": lambda: pick(BARE_DEEDS[other]),
            "noun": lambda: pick(NOUNS[polarity]), "d": lambda: pick(DEGREES),
            "n": lambda: self.nouns[-1], "n2": lambda: self.nouns[-2], "whole": lambda: self.whole,
            "t": lambda: pick(TIMES), "p": lambda: pick(PEOPLE),
        }
        out = []
        for part in string.Formatter().parse(template):
            out.append(part[0])
            if part[1]:
                out.append(words[part[1]]())
        return "".join(out)

    def clause(self, polarity):
        kind = "negated" if self.rng.random() < 0.25 else "plain"
        text = self.fill(self.rng.choice(CLAUSES[kind]), polarity)
        self.nouns.pop()
        return text

    def sentence(self, frame, label):
        # The frame's own slots first, then its clauses, so that a clause's words stay untouched.
        text = self.fill(frame, label)
        out = []
        if "{n}" in frame:
            self.nouns.pop()
            if "{n2}" in frame:
                self.nouns.pop()
        for word in text.split(" "):
            if word in ("S", "S2"):
                word = self.clause(label)
            elif word in ("O", "O2"):
                word = self.clause(1 - label)
            out.append(word)
        return " ".join(out)


def tidy(text):
    """Capital letters and spacing as a person would type them."""
    text = " ".join(text.split())
    for mark in ",.;:":
        text = text.replace(" " + mark, mark)
    for vowel in "aeiou":
        text = text.replace(f" a {vowel}", f" an {vowel}")
    text = ". ".join(part[:1].upper() + part[1:] for part in text.split(". "))
    return text


def make_split(rng, split, size, taken):
    frames = FRAMES["test" if split == "test" else "train"]
    kinds = list(frames)
    rows = []
    while len(rows) < size:
        label = len(rows) % 2
        kind = rng.choices(kinds, [WEIGHTS[k] for k in kinds])[0]
        text = tidy(Writer(rng, rng.choice(list(DOMAINS))).sentence(rng.choice(frames[kind]), label))
        if text in taken:
            continue
        taken.add(text)
        if split == "train" and rng.random() < LABEL_NOISE:
            label = 1 - label
        rows.append({"text": text, "label": label})
    rng.shuffle(rows)
    return rows
