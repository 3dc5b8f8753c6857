"""`frugal score` against sacrebleu, rouge-score, scikit-learn and bert-score, on random and real texts.

Thousands of items go through one run each; every item's score and the corpus's must agree. The last
lines say the largest difference of each metric."""
import json
import logging
import pathlib
import random
import re
import shutil
import string

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KIT = ROOT / "data" / "kit"
SHARED = ROOT.parent / "shared" / "data" / "code-summarization" / "code-docstring.test.jsonl"
CASES = 1000
REAL = 300
LONG = 1000  # words
largest = {}  # difference of each metric
WORDS = ("the a an of in it is was not to be running runs ran flies dies agreed plastered motoring conflated happy sky "
         "relational conditional vietnamization hopefulness sensibiliti triplicate adoption controll rate geologi skies "
         "innings proceed 1,000 3.14 U.S. e.g. don't it's well-known 10-12 a-b x_y __init__ f(x) [0] {k:v} http://a.b/c?d=1&e=2 "
         "&amp; &lt; &gt; &quot; &amp;lt; <skipped> $5 50% #tag @me ... ?! -- “quoted” ‘so’ – — … naïve café Straße "
         "ΟΔΟΣ ΣΑΣ İstanbul KELVIN 中文 字符。 日本語、 テスト한국어 ١٢٣ ½ ² Ⅷ ① € ∑ ☃ 😀 a\u0301 \u2009 \u00a0 \u3000 \u1680 "
         "İ Σ ΑΣ' ͅ ﬁ ǅ ªº _ . , - ' \" / \\ ~ ` ^").split(" ")


def texts(rng, n, newlines):
    """Hypotheses with references that share most of their words."""
    def text():
        kind = rng.random()
        if kind < 0.03:
            return ""
        if kind < 0.06:
            return rng.choice(WORDS)
        if kind < 0.12:
            return "".join(rng.choice(string.printable[:95]) for _ in range(rng.randrange(60)))
        glue = [" "] * 12 + ["", "  ", "\t"] + (["\n", "\n\n", "-\n", "\r\n", "\x1c", "\x85"] if newlines else [])
        return "".join(rng.choice(WORDS) + rng.choice(glue) for _ in range(rng.randrange(1, 40)))

    def changed(t):
        words = re.split("( )", t)
        for _ in range(rng.randrange(6)):
            at = rng.randrange(len(words))
            words[at] = rng.choice(["", words[rng.randrange(len(words))], rng.choice(WORDS), words[at].upper()])
        if newlines and rng.random() < 0.3:
            words[rng.randrange(len(words))] = "\n"
        return "".join(words)

    references = [text() for _ in range(n)]
    return [changed(r) if rng.random() < 0.9 else text() for r in references], references


def real_texts(n):
    """Docstrings, or reviews of the kit: two neighbours are as close as a summary and what it should be."""
    path, field = (SHARED, "docstring") if SHARED.exists() else (KIT / "sentiment" / "test.jsonl", "text")
    rows = [json.loads(line)[field] for line in path.open(encoding="utf-8")][:n + 1]
    return rows[:-1], rows[1:]


def long_texts(rng):
    words = [rng.choice(WORDS) for _ in range(LONG)]
    return [" ".join(words)], [" ".join(w if rng.random() < 0.8 else rng.choice(WORDS) for w in words)]


def write(parity, name, rows):
    path = parity.work / f"{name}.jsonl"
    path.write_text("".join(json.dumps({"text": r}) + "\n" for r in rows), encoding="utf-8")
    return path


def score(parity, metric, hypotheses, references, *options):
    """(corpus figures, scores of the items)"""
    items = parity.work / "items.jsonl"
    files = [w for i, r in enumerate(references) for w in ("--references", write(parity, f"ref{i}", r))]
    out = parity.frugal("score", "--metric", metric, "--hypotheses", write(parity, "hyp", hypotheses), *files,
                        "--items", items, "--json", *options)
    return json.loads(out), [json.loads(line)["score"] for line in items.open(encoding="utf-8")]


def say(parity, what, ours, theirs, tolerance, texts_of=None):
    differences = [abs(a - b) for a, b in zip(ours, theirs)]
    bad = [i for i, d in enumerate(differences) if not d <= tolerance]
    metric = what.split()[0].rstrip(",")
    largest[metric] = max(largest.get(metric, 0), *differences)
    detail = f"{len(theirs)} values, largest difference {max(differences):.1e}"
    if bad:
        detail += f", {len(bad)} differ; {ours[bad[0]]} and {theirs[bad[0]]} of {texts_of(bad[0]) if texts_of else ''!r}"
    parity.say(len(ours) == len(theirs) and not bad, what, detail)


def check_bleu(parity, hypotheses, references):
    from sacrebleu.metrics import BLEU
    cases = [((), {})]
    cases += [(("--tokenizer", t), {"tokenize": t}) for t in ("none", "char", "intl", "zh")]
    cases += [(("--lowercase",), {"lowercase": True}), (("--effective-order",), {"effective_order": True}),
              (("--smoothing", "none"), {"smooth_method": "none"}),
              (("--smoothing", "floor"), {"smooth_method": "floor"}),
              (("--smoothing", "floor", "--smooth-value", "0.01"), {"smooth_method": "floor", "smooth_value": 0.01}),
              (("--smoothing", "add-k", "--effective-order"), {"smooth_method": "add-k", "effective_order": True})]
    for options, theirs in cases:
        for n in (1, 3):
            metric = BLEU(**theirs)
            ours, items = score(parity, "bleu", hypotheses, references[:n], *options)
            columns = list(zip(*references[:n]))
            name = f"BLEU {' '.join(options) or 'defaults'}, {n} reference{'s' * (n > 1)}"
            say(parity, name, items, [metric.sentence_score(h, list(r)).score for h, r in zip(hypotheses, columns)], 1e-6,
                lambda i: (hypotheses[i], columns[i]))
            whole = metric.corpus_score(hypotheses, references[:n])
            say(parity, f"{name}, corpus", [ours["score"], ours["brevity_penalty"], *(ours[f"precision_{k}"] for k in (1, 2, 3, 4))],
                [whole.score, whole.bp, *whole.precisions], 1e-6)
            signature = str(metric.get_signature()).split("|version")[0]
            parity.say(ours["signature"].split("|version")[0] == signature, f"{name}, signature", ours["signature"])


def check_chrf(parity, hypotheses, references):
    from sacrebleu.metrics import CHRF
    for name, order, options in (("chrf", 0, ()), ("chrf++", 2, ()), ("chrf", 0, ("--lowercase",))):
        for n in (1, 3):
            metric = CHRF(word_order=order, lowercase=bool(options))
            ours, items = score(parity, name, hypotheses, references[:n], *options)
            columns = list(zip(*references[:n]))
            what = f"{name} {' '.join(options)}, {n} reference{'s' * (n > 1)}"
            say(parity, what, items, [metric.sentence_score(h, list(r)).score for h, r in zip(hypotheses, columns)], 1e-6,
                lambda i: (hypotheses[i], columns[i]))
            say(parity, f"{what}, corpus", [ours["score"]], [metric.corpus_score(hypotheses, references[:n]).score], 1e-6)
            signature = str(metric.get_signature()).split("|version")[0]
            parity.say(ours["signature"].split("|version")[0] == signature, f"{what}, signature", ours["signature"])


def check_rouge(parity, hypotheses, references):
    from rouge_score import rouge_scorer
    for stem in (False, True):
        names = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
        scorer = rouge_scorer.RougeScorer(names, use_stemmer=stem)
        for n in (1, 2):
            columns = list(zip(*references[:n]))
            wanted = [scorer.score_multi(list(r), h) for h, r in zip(hypotheses, columns)]
            for name in names:
                ours, items = score(parity, name, hypotheses, references[:n], *(["--stemmer"] if stem else []))
                what = f"{name}{' stemmed' * stem}, {n} reference{'s' * (n > 1)}"
                say(parity, what, items, [w[name].fmeasure for w in wanted], 1e-6, lambda i: (hypotheses[i], columns[i]))
                say(parity, f"{what}, precision and recall", [ours["precision"], ours["recall"]],
                    [sum(w[name].precision for w in wanted) / len(wanted), sum(w[name].recall for w in wanted) / len(wanted)], 1e-6)


def check_stems(parity):
    """Of texts of one word, rouge1 is 1 where the stems are the same."""
    from nltk.stem import porter
    rng, stemmer = random.Random(5), porter.PorterStemmer()
    suffixes = ("s es ies ied sses ed ing eed at bl iz y ational tional enci anci izer abli alli entli eli ousli ization ation ator "
                "alism iveness fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence er ic "
                "able ible ant ement ment ent ion sion tion ou ism ate iti ous ive ize e ll ss").split()
    pairs = []
    while len(pairs) < CASES:
        start = "".join(rng.choice("aeiouybcdfglmnrstvwxz") for _ in range(rng.randrange(1, 7)))
        word = start + rng.choice(suffixes) + rng.choice(["", rng.choice(suffixes)])
        stem = stemmer.stem(word)
        other = rng.choice([stem, stem, start + rng.choice(suffixes), word + "s", word[:-1]])
        if min(len(word), len(other)) > 3:
            pairs.append((word, other))
    _, items = score(parity, "rouge1", [a for a, _ in pairs], [[b for _, b in pairs]], "--stemmer")
    say(parity, "stems of random words", items, [float(stemmer.stem(a) == stemmer.stem(b)) for a, b in pairs], 0,
        lambda i: [*pairs[i], *map(stemmer.stem, pairs[i])])


def check_labels(parity):
    import sklearn.metrics as sk
    rng = random.Random(7)
    for n, k in ((2, 1), (50, 2), (1000, 3), (2000, 17)):
        truth = [str(rng.randrange(k)) for _ in range(n)]
        guess = [t if rng.random() < 0.6 else str(rng.randrange(k + 1)) for t in truth]
        wanted = {"accuracy": sk.accuracy_score(truth, guess), "macro-f1": sk.f1_score(truth, guess, average="macro"),
                  "mcc": sk.matthews_corrcoef(truth, guess)}
        for name, value in wanted.items():
            ours, _ = score(parity, name, guess, [truth])
            say(parity, f"{name}, {n} items, {k} labels", [ours["score"]], [value], 1e-6)


def tiny_encoder(parity):
    """A random BERT with the kit's vocabulary; every layer changes its states."""
    import torch
    import transformers
    folder, kit = parity.work / "encoder", KIT / "models" / "tiny"
    folder.mkdir()
    for file in ("vocab.txt", "tokenizer_config.json"):
        shutil.copy(kit / file, folder)
    torch.manual_seed(1)
    transformers.BertModel(transformers.BertConfig(
        vocab_size=len((kit / "vocab.txt").read_text(encoding="utf-8").splitlines()), hidden_size=48, num_hidden_layers=3,
        num_attention_heads=4, intermediate_size=100, max_position_embeddings=64, initializer_range=0.3)).save_pretrained(folder)
    return folder, 3


def check_bertscore(parity, minilm):
    """F, precision and recall of every item; without idf, with it, rescaled, several references."""
    import bert_score
    import transformers
    rng = random.Random(9)
    reviews = [json.loads(line)["text"] for line in (KIT / "sentiment" / "test.jsonl").open(encoding="utf-8")][:60]
    hypotheses, random_texts = texts(rng, 60, False)
    hypotheses = [r if i % 3 else h or "x" for i, (r, h) in enumerate(zip(reviews, hypotheses))]
    references = [reviews[1:] + reviews[:1], [h or "x" for h in random_texts]]
    baseline = parity.work / "baseline.csv"
    baseline.write_text("LAYER,P,R,F\n" + "".join(f"{i},0.{i + 1}1,0.{i + 1}2,0.{i + 1}3\n" for i in range(7)))
    for name, (folder, layers) in {"a random encoder": tiny_encoder(parity), **({"MiniLM": (minilm, 6)} if minilm else {})}.items():
        # bert-score takes the longest text from the tokenizer's configuration, which may name none.
        longest = transformers.AutoConfig.from_pretrained(folder).max_position_embeddings
        for layer, idf, scaled, n in ((layers, False, False, 1), (1, True, False, 1), (layers - 1, True, True, 2)):
            scorer = bert_score.BERTScorer(model_type=str(folder), num_layers=layer, idf=idf, nthreads=0,
                                           idf_sents=[r for column in references[:n] for r in column] if idf else None,
                                           rescale_with_baseline=scaled, baseline_path=str(baseline), lang="en", device="cpu")
            scorer._tokenizer.model_max_length = longest
            # One pair at a time: in a batch, bert-score's padding gives a token whose highest cosine is negative a
            # partner of 0. With MiniLM's last layer that moves 7 of these 60 items by up to 1.8e-3; cosines cut off
            # at 0 by hand give its figures of a batch to 1e-7, cosines as they are those of one pair at a time.
            wanted = scorer.score(hypotheses, [list(r) for r in zip(*references[:n])], batch_size=1)
            ours, items = score(parity, "bertscore", hypotheses, references[:n], "--encoder", folder, "--layer", layer,
                                *(["--idf"] if idf else []), *(["--baseline", baseline] if scaled else []))
            what = f"BERTScore with {name}, layer {layer}{', idf' * idf}{', rescaled' * scaled}, {n} reference{'s' * (n > 1)}"
            say(parity, what, items, wanted[2].tolist(), 1e-4, lambda i: (hypotheses[i], references[0][i]))
            say(parity, f"{what}, means", [ours[k] for k in ("precision", "recall", "score")], [w.mean().item() for w in wanted], 1e-4)


def check_metrics(parity, minilm):
    logging.getLogger("sacrebleu").setLevel(logging.ERROR)  # advice on BLEU of single sentences
    rng = random.Random(3)
    parts = [texts(rng, CASES, True), real_texts(REAL), long_texts(rng)]
    hypotheses, first = (sum((part[side] for part in parts), []) for side in (0, 1))
    references = [first, texts(rng, len(first), True)[1], [h[:rng.randrange(len(h) + 1)] for h in hypotheses]]
    check_bleu(parity, hypotheses, references)
    check_chrf(parity, hypotheses, references)
    check_rouge(parity, hypotheses, references)
    check_stems(parity)
    check_labels(parity)
    check_bertscore(parity, minilm)
    for metric, difference in largest.items():
        print(f"       largest difference of {metric}: {difference:.1e}")
