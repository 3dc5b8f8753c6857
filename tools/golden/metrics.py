"""Golden scores of room metric: sacrebleu, rouge-score, nltk's stemmer, scikit-learn; formulas where there is no library.

    python tools/golden/metrics.py > tests/golden/metrics/metrics.json

Texts are random ones of tools/parity/metrics.py, made to be awkward, and reviews of the starter kit.
CodeXGLUE's BLEU, SQuAD's normalisation, pass@k and distinct-n are written down here from their papers.
"""
import importlib.metadata
import json
import math
import pathlib
import random
import re
import shutil
import string
import sys
import tempfile
from collections import Counter
from fractions import Fraction

import bert_score
import nltk
import sacrebleu
import sklearn
import sklearn.metrics as sk
from nltk.stem import porter
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools" / "parity"))
import metrics as cases  # noqa: E402

BASELINE = "LAYER,P,R,F\n0,0.11,0.12,0.13\n1,0.2,0.2,0.2\n"


def items():
    rng = random.Random(11)
    hypotheses, first = cases.texts(rng, 45, True)
    second = cases.texts(rng, 45, True)[1]
    kit = [json.loads(line)["text"] for line in (ROOT / "data/kit/sentiment/test.jsonl").open(encoding="utf-8")]
    fixed = [("", ["", ""]), ("", ["a word", ""]), ("word", ["", "word"]), ("word", ["word", "other"]),
             ("one two three", ["one two three", "three two one"]), ("The cat.", ["a cat", "the  CAT"]),
             ("x " * 500, ["x " * 499 + "y", "x"]), ("1,000.50-3 is 5.", ["1,000.50 - 3 is 5 .", "1000"])]
    rows = [(h, [a, b]) for h, a, b in zip(hypotheses, first, second)] + fixed
    rows += [(kit[i], [kit[i + 1], kit[i + 2]]) for i in range(0, 24, 3)]
    return rows


def codexglue(hypothesis, references):
    def words(text):
        return [w for run in re.findall(r"\w+|[^\s\w]", text.strip().lower()) for w in re.split("(_)", run) if w]

    def grams(ws, n):
        return Counter(tuple(ws[i:i + n]) for i in range(len(ws) - n + 1))

    h, rs = words(hypothesis), [words(r) for r in references]
    logs, tiny = 0.0, sys.float_info.min
    for n in range(1, 5):
        most = Counter()
        for r in rs:
            most |= grams(r, n)
        right, total, more = sum((grams(h, n) & most).values()), max(len(h) - n + 1, 0), int(n > 1)
        logs += math.log(right + more + tiny) - math.log(total + more + tiny)
    return 100 * math.exp(logs / 4 + min(0, 1 - (min(map(len, rs)) + 1) / (len(h) + 1)))


def squad(text):
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def repetition(text, n):
    words = text.split()
    grams = [tuple(words[i:i + n]) for i in range(len(words) - n + 1)]
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def results(rows):
    hypotheses, columns = [h for h, _ in rows], [r for _, r in rows]
    lists = list(zip(*columns))
    out = []

    def add(metric, n, scores, corpus, **options):
        out.append({"metric": metric, "n_references": n, "options": options, "scores": scores, "corpus": corpus})

    for options in ({}, {"tokenizer": "none"}, {"tokenizer": "char"}, {"tokenizer": "intl"}, {"tokenizer": "zh"},
                    {"lowercase": True}, {"effective_order": True}, {"smoothing": "none"}, {"smoothing": "floor"},
                    {"smoothing": "add-k", "effective_order": True}, {"smoothing": "add-k", "smooth_value": 0.5}):
        for n in (1, 2):
            m = BLEU(tokenize=options.get("tokenizer", "13a"), lowercase=options.get("lowercase", False),
                     effective_order=options.get("effective_order", False), smooth_method=options.get("smoothing", "exp"),
                     smooth_value=options.get("smooth_value"))
            add("bleu", n, [m.sentence_score(h, r[:n]).score for h, r in rows],
                m.corpus_score(hypotheses, lists[:n]).score, **options)
    for name, order in ("chrf", 0), ("chrf++", 2):
        for options in {}, {"lowercase": True}:
            m = CHRF(word_order=order, **options)
            add(name, 2, [m.sentence_score(h, r).score for h, r in rows], m.corpus_score(hypotheses, lists).score, **options)
    names = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    for options in {}, {"stemmer": True}:
        scorer = rouge_scorer.RougeScorer(names, use_stemmer=bool(options))
        scores = [scorer.score_multi(r, h) for h, r in rows]
        for name in names:
            f = [s[name].fmeasure for s in scores]
            add(name, 2, f, sum(f) / len(f), **options)
    for name, score in (("codexglue-bleu", codexglue), ("exact-match", lambda h, r: float(h in r)),
                        ("exact-match-lenient", lambda h, r: float(squad(h) in map(squad, r))),
                        ("repetition-2", lambda h, r: repetition(h, 2)), ("repetition-4", lambda h, r: repetition(h, 4))):
        scores = [score(h, r) for h, r in rows]
        add(name, 2, scores, sum(scores) / len(scores))
    return out


def labels():
    rng, out = random.Random(2), []
    for n, k in (1, 1), (20, 1), (30, 2), (40, 5), (12, 3):
        truth = [rng.randrange(k) for _ in range(n)]
        guess = [rng.choice([t, t, rng.randrange(k), -1 if n == 12 else t]) for t in truth]
        out.append({"truth": truth, "predicted": guess, "n_labels": k, "accuracy": sk.accuracy_score(truth, guess),
                    "mcc": sk.matthews_corrcoef(truth, guess),
                    "macro_f1": sk.f1_score(truth, guess, average="macro", labels=sorted({*truth, *guess} - {-1}))})
    return out


def pass_at_k(n, c, k):
    """1 - C(n-c, k) / C(n, k), exactly."""
    return float(1 - Fraction(math.comb(n - c, k), math.comb(n, k)))


def bertscores():
    """With the golden BERT of tests/golden/encoders and words w5, w6 ... as its vocabulary."""
    texts = [(" ".join(f"w{5 + (7 * i + j * j) % 90}" for j in range(i)), " ".join(f"w{5 + (7 * i + 3 * j) % 97}" for j in range(9 - i)))
             for i in range(9)] + [("w9 w8 w7", "w9 w8 w7"), ("unknown w5", "w5 word")]
    hypotheses, references = [h for h, _ in texts], [r for _, r in texts]
    out = {"hypotheses": hypotheses, "references": references, "scores": []}
    with tempfile.TemporaryDirectory() as work:
        folder, baseline = pathlib.Path(work) / "bert", pathlib.Path(work) / "baseline.csv"
        folder.mkdir()
        baseline.write_text(BASELINE)
        for file in "config.json", "model.safetensors":
            shutil.copy(ROOT / "tests/golden/encoders/bert" / file, folder)
        (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{i}" for i in range(5, 99)]) + "\n")
        (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "model_max_length": 40}')
        for layer, idf, scaled in (2, False, False), (1, True, False), (0, False, True):
            scorer = bert_score.BERTScorer(model_type=str(folder), num_layers=layer, idf=idf, nthreads=0, lang="en", device="cpu",
                                           idf_sents=references if idf else None, rescale_with_baseline=scaled,
                                           baseline_path=str(baseline))
            # What bert-score asks an empty text's tokens of, and transformers 5 has no more.
            scorer._tokenizer.build_inputs_with_special_tokens = lambda ids: [2, *ids, 3]
            p, r, f = (x.tolist() for x in scorer.score(hypotheses, references, batch_size=1))
            out["scores"].append({"layer": layer, "idf": idf, "scaled": scaled, "f": f, "precision": sum(p) / len(p),
                                  "recall": sum(r) / len(r)})
    return out


def stems():
    words = ("caresses ponies ties dies spied died cats feed agreed plastered bled motoring sing conflated troubled sized hopping "
             "tanned falling hissing fizzed failing filing happy sky skies enjoy say by relational conditional rational valenci "
             "hesitanci digitizer conformabli radicalli differentli vileli analogousli vietnamization predication operator "
             "feudalism decisiveness hopefulness callousness formaliti sensitiviti sensibiliti archaeologi theologi hopefulli "
             "triplicate formative formalize electriciti electrical goodness revival allowance inference airliner gyroscopic "
             "adjustable defensible irritant replacement adjustment dependent adoption homologou communism activate angulariti "
             "homologous effective bowdlerize probate rate cease controll roll dying lying tying news innings outing howe proceed "
             "syzygy yyyyes toying 1990s a1b2ing oed eing aaing ional abli alli falli beallalli").split()
    return {w: porter.PorterStemmer().stem(w) for w in words if len(w) > 3}


def main():
    rows = items()
    texts = [h for h, _ in rows if h]
    words = [t.split() for t in texts]
    distinct = []
    for n in (1, 2, 3):
        grams = [tuple(w[i:i + n]) for w in words for i in range(len(w) - n + 1)]
        distinct.append(len(set(grams)) / len(grams))
    json.dump({
        "versions": {"bert-score": bert_score.__version__, "sacrebleu": sacrebleu.__version__, "rouge-score": importlib.metadata.version("rouge-score"), "nltk": nltk.__version__,
                     "scikit-learn": sklearn.__version__, "python": sys.version.split()[0]},
        "items": [{"hypothesis": h, "references": r} for h, r in rows], "results": results(rows), "labels": labels(),
        "pass_at_k": [[n, c, k, pass_at_k(n, c, k)] for n, c, k in
                      [(1, 0, 1), (1, 1, 1), (10, 3, 1), (10, 3, 5), (10, 3, 8), (200, 7, 100), (200, 0, 10), (100, 100, 1),
                       (100000, 17, 100), (200, 199, 1)]],
        "distinct": distinct, "stems": stems(), "bertscore": bertscores()}, sys.stdout, ensure_ascii=True, separators=(",", ":"))
    print()


main()
