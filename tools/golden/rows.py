#!/usr/bin/env python3
"""Makes tests/golden/rows: tables as Python's csv module writes and reads them, packed files.

    python tools/golden/rows.py

Made with Python 3.11.7 (csv, json, gzip), zstandard 0.25.0.
"""
import csv
import gzip
import io
import json
import pathlib
import random

import zstandard

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "rows"

FIELDS = ["", "plain", "1", "a,b", "a\tb", 'say "yes"', '"', '""', "two\nlines", "dos\r\nlines", "a\rb", " led by a space",
          "ends in one ", "\n", "Zürich", "漢字 🐢", "it's", "a;b|c", "#", "\\n", "x" * 300, "\ufeff", "'", "= 1+1"]

# Written by hand; what they hold is what csv.reader says.
BY_HAND = [
    "a,b\n1,2\n", "a,b\r\n1,2\r\n", "a,b\n1,2", "a,b\n,\n", 'a,b\n"",""\n', 'a,b\n"x ""y"" z",2\n', 'a\n""\n"b"\n',
    "a,b\n\n1,2\n\n\n3,4\n", 'a,b\n"1\n2\r\n3",4\n', 'a,b\nmid"quote"s,2\n', 'a,b\n1,"2"', "\ufeffa,b\n1,2\n",
    '\ufeff"a","b"\n1,2\n', 'a b," c"\n1,2\n', "a,b\n", "", "text\nonly one column\n", ',a\n0,"x"\n1,"y"\n',
]


def read(text, delimiter):
    text = text.removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def tables():
    cases = [{"format": "csv", "text": t, "rows": read(t, ",")} for t in BY_HAND]
    cases += [{"format": "tsv", "text": t.replace(",", "\t"), "rows": read(t.replace(",", "\t"), "\t")} for t in BY_HAND]
    rng = random.Random(4)
    for i in range(40):
        out = io.StringIO(newline="")
        delimiter = ",\t"[i % 2]
        quoting = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC][i % 3]
        ends = ["\n", "\r\n"][i // 2 % 2]
        writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=ends)
        # With line ends of LF csv.writer puts no quotes around a CR, which csv.reader then takes for a line end.
        fields = [f for f in FIELDS if f != "a\rb" or quoting != csv.QUOTE_MINIMAL or ends == "\r\n"]
        names = rng.sample([f for f in fields if "\ufeff" not in f], 1 + i % 5)
        writer.writerow(names)
        for _ in range(rng.randrange(6)):
            writer.writerow([rng.choice(fields) for _ in names])
        rows = read(out.getvalue(), delimiter)
        cases.append({"format": ["csv", "tsv"][i % 2], "text": out.getvalue(), "rows": rows})
    return cases


def lists():
    rows = [{"text": 'a "quoted" [text] {x}', "label": 1}, {"text": "\\", "label": 0, "more": {"list": [1, [2, {}]], "n": None}},
            {"text": "Zürich 🐢 \u2028", "label": "positive", "x": -1.5e3}, {"text": 'a 5" disk ]}'}, {}]
    texts = [json.dumps(rows), json.dumps(rows, indent=2), json.dumps(rows, ensure_ascii=False, separators=(",", ":")),
             json.dumps({"version": "1.1", "data": rows, "done": True}, indent=1), json.dumps({"data": rows}),
             json.dumps({"meta": {"tags": [1, 2]}, "rows": rows}), " \n[\t]\r\n", json.dumps({"rows": [], "x": "["})]
    return [{"format": "json", "text": t, "rows": rows if "text" in t else []} for t in texts]


def packed():
    """The text is made again in tests/format/test_stream.c."""
    lines = [json.dumps({"text": f"row {i} " + "word " * (i % 40), "label": i % 2}) + "\n" for i in range(1500)]
    text = "".join(lines).encode()
    cut = [0, 1, 20000, 20001, len(text)]
    parts = [text[a:b] for a, b in zip(cut, cut[1:])]
    (OUT / "one.jsonl.gz").write_bytes(gzip.compress(text, mtime=0))
    members = b"".join(gzip.compress(p, mtime=0) for p in parts[:2] + [b""] + parts[2:])
    (OUT / "members.jsonl.gz").write_bytes(members + bytes(1000))
    z = zstandard.ZstdCompressor(level=9, write_checksum=True)
    (OUT / "one.jsonl.zst").write_bytes(z.compress(text))
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    frames = skippable + b"".join(z.compress(p) for p in parts[:3] + [b""] + parts[3:]) + skippable
    (OUT / "frames.jsonl.zst").write_bytes(frames)
    # No size in the header: what a pipe gives.
    c = zstandard.ZstdCompressor(level=3).compressobj()
    (OUT / "piped.jsonl.zst").write_bytes(c.compress(text) + c.flush())


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "cases.json").write_text(json.dumps(tables() + lists(), indent=0) + "\n")
    packed()


if __name__ == "__main__":
    main()
