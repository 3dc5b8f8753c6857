"""Data files of every format, written by the libraries that users write them with: frugal must see the same items.

Items are seen through a random model: the logits of 512 tokens are a fingerprint of the text.
"""
import csv
import gzip
import json
import pathlib

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared"


def writers(pandas, zstandard):
    def table(delimiter, quoting, ends):
        def write(rows, path):
            with open(path, "w", encoding="utf-8", newline="") as f:
                w = csv.writer(f, delimiter=delimiter, quoting=quoting, lineterminator=ends)
                w.writerow(rows[0])
                w.writerows(r.values() for r in rows)
        return write

    def packed(write, suffix, pack):
        def write_packed(rows, path):
            plain = path.with_suffix("") if path.suffix == suffix else path
            write(rows, plain)
            path.write_bytes(pack(plain.read_bytes()))
        return write_packed

    plain_csv = table(",", csv.QUOTE_MINIMAL, "\r\n")
    frame = pandas.DataFrame
    return {
        "minimal.csv": plain_csv,
        "all.csv": table(",", csv.QUOTE_ALL, "\n"),
        "table.tsv": table("\t", csv.QUOTE_MINIMAL, "\r\n"),
        "pandas.csv": lambda rows, path: frame(rows).to_csv(path),
        "excel.csv": lambda rows, path: frame(rows).to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n"),
        "pandas.tsv.gz": lambda rows, path: frame(rows).to_csv(path, sep="\t", compression="gzip"),
        "pandas.jsonl.zst": lambda rows, path: frame(rows).to_json(path, orient="records", lines=True, compression="zstd"),
        "list.json": lambda rows, path: path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8"),
        "object.json.gz": packed(lambda rows, path: path.write_text(json.dumps({"n": len(rows), "data": rows}, indent=1)),
                                 ".gz", lambda b: gzip.compress(b[:1000]) + gzip.compress(b[1000:])),
        "long.csv.zst": packed(plain_csv, ".zst", lambda b: zstandard.ZstdCompressor(level=19).compress(b)),
    }


def check_data(parity, make_model):
    import pandas
    import zstandard
    folder = make_model(512)
    for name, field in ("yelp-reviews.test", "text"), ("sst2.test", "sentence"):
        path = SHARED / "data" / "sentiment" / f"{name}.jsonl"
        if not path.exists():
            return
        rows = [json.loads(line) for line in open(path, encoding="utf-8")]

        def items(data):
            out = parity.work / "items.jsonl"
            parity.frugal("eval", "--model", folder, "--task", "sentiment", "--data", data, "--text-field", field,
                          "--shuffle", 3, "--limit", 300, "--predictions", out, "--json")
            return [(r["label"], r["logits"]) for r in map(json.loads, open(out, encoding="utf-8"))]

        wanted, wrong = items(path), []
        formats = writers(pandas, zstandard)
        for file, write in formats.items():
            target = parity.work / f"{name}.{file}"
            write(rows, target)
            if items(target) != wanted:
                wrong.append(file)
        parity.say(not wrong and len(wanted) == 300, f"items of {name}",
                   f"{len(rows)} rows, {len(formats)} formats, differing: {wrong or 'none'}")
