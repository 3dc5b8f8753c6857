"""Golden readings of answers to arithmetic problems: strict and flexible as the field reads GSM8K.

    python tools/golden/answers.py > tests/golden/answers/numbers.jsonl

The expressions and what is ignored are those of lm-evaluation-harness 0.4, lm_eval/tasks/gsm8k/gsm8k.yaml
(strict-match, flexible-extract, exact_match with regexes_to_ignore), written down here. Left out is
what frugal reads otherwise on purpose: 16-3 (there -3, here 3), 18.0 for 18 (there wrong), an answer
behind the marker that is not the last number (flexible takes the last, lenient the marker's).
"""
import json
import random
import re

STRICT = re.compile(r"#### (\-?[0-9\.\,]+)")
FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
IGNORED = [r",", r"\$", r"(?s).*#### ", r"\.$"]


def normal(text):
    for pattern in IGNORED:
        text = re.sub(pattern, "", text)
    return text.lower()


def strict(text):
    found = STRICT.findall(text)
    return found[0] if found else "[invalid]"


def flexible(text):
    found = FLEXIBLE.findall(text)
    return [part for part in found[-1] if part][0] if found else "[invalid]"


def number(rng):
    value = rng.choice([rng.randint(0, 30), rng.randint(1000, 99999), rng.randint(1000000, 9999999)])
    text = f"{value:,}" if rng.random() < 0.5 else str(value)
    if rng.random() < 0.2:
        text += "." + str(rng.randint(11, 99))
    if rng.random() < 0.2:
        text = "$" + text
    return "-" + text if rng.random() < 0.1 and text[0] != "$" else text


def written(rng, answer):
    steps = [f"{rng.choice(['So', 'Then', 'That makes'])} {number(rng)} {rng.choice('+*/')} {number(rng)} = "
             f"{number(rng)} {rng.choice(['apples', 'dollars', 'km'])}." for _ in range(rng.randint(0, 3))]
    last = rng.choice(["#### {}", "#### {}", "The answer is {}.", "{}", "It is {} in all", "#### {}.", "No idea", "Answer: {}"])
    return "\n".join(steps + [last.format(answer)])


def main():
    rng = random.Random(6)
    for _ in range(200):
        right = number(rng).replace("$", "")
        same = right.replace(",", "") if rng.random() < 0.5 else right
        text = written(rng, same if rng.random() < 0.6 else number(rng))
        target = "One step.\n#### " + right
        row = {"written": text, "target": target,
               "strict": int(normal(strict(text)) == normal(target)),
               "flexible": int(normal(flexible(text)) == normal(target))}
        print(json.dumps(row, ensure_ascii=False))


main()
