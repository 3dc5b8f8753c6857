"""Golden probabilities of the TF-IDF baseline, from scikit-learn's TfidfVectorizer and LogisticRegression.

    python tools/golden/baseline.py > tests/golden/metrics/baseline.json

Random texts of two, three and five labels; and, where ../shared is there, scikit-learn's accuracy on SST-2 and Yelp.
"""
import json
import pathlib
import random
import sys

import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

SHARED = pathlib.Path(__file__).resolve().parent.parent.parent.parent / "shared" / "data" / "sentiment"
WORDS = "The cat's good-bye ÄRGER straße naïve x_1 a I 3 42 dog DOG bad good fine awful _ __ ΟΔΟΣ 中文 no-one e.g. film FILM film".split()


def fitted(texts, labels, exact):
    vectorizer = TfidfVectorizer()
    more = {"tol": 1e-9, "max_iter": 10000} if exact else {}
    return vectorizer, LogisticRegression(**more).fit(vectorizer.fit_transform(texts), labels)


def case(seed, n_labels):
    rng = random.Random(seed)
    weights = [[rng.random() ** 3 for _ in WORDS] for _ in range(n_labels)]
    labels = [rng.randrange(n_labels) for _ in range(60)]
    texts = [" ".join(rng.choices(WORDS, weights[k], k=rng.randrange(0, 12))) for k in labels]
    vectorizer, model = fitted(texts[:40], labels[:40], True)
    probabilities = model.predict_proba(vectorizer.transform(texts[40:]))
    return {"n_labels": n_labels, "texts": texts[:40], "labels": labels[:40], "test": texts[40:],
            "probabilities": [[round(x, 9) for x in p] for p in probabilities.tolist()]}


def accuracy(train, test, field):
    def read(name):
        rows = [json.loads(line) for line in (SHARED / name).open(encoding="utf-8")]
        return [r[field] for r in rows], [r["label"] for r in rows]

    vectorizer, model = fitted(*read(train), False)
    texts, labels = read(test)
    return model.score(vectorizer.transform(texts), labels)


out = {"versions": {"scikit-learn": sklearn.__version__, "python": sys.version.split()[0]},
       "cases": [case(1, 2), case(2, 3), case(3, 5)]}
if SHARED.exists():
    out["sst2"] = accuracy("sst2.train.jsonl", "sst2.test.jsonl", "sentence")
    out["yelp"] = accuracy("yelp-reviews.train.jsonl", "yelp-reviews.test.jsonl", "text")
json.dump(out, sys.stdout, separators=(",", ":"))
print()
