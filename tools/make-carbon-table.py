#!/usr/bin/env python3
"""Writes data/carbon/regions.csv, the grid intensities that frugal uses.

    tools/make-carbon-table.py DIR > data/carbon/regions.csv

DIR holds
  codecarbon/global_energy_mix.json  (mlco2/codecarbon, MIT)   `carbon_intensity` by country: Our
      World in Data's "Lifecycle carbon intensity of electricity generation" in g CO2e per kWh
      (ourworldindata.org/grapher/carbon-intensity-electricity), whose source is Ember, Yearly
      Electricity Data. Ember counts "full lifecycle emissions including upstream methane, supply
      chain and manufacturing emissions, and all gases, converted into CO2 equivalent over a
      100-year timescale" (Global Electricity Review 2024, methodology); domestic generation,
      imports left out.
  eco2ai/carbon_index.csv  (sb-ai-lab/Eco2AI, Apache-2.0)   kg per MWh by country: Ember, Global
      Electricity Review 2022 (electricity of 2021), as Eco2AI's own list of sources and its paper
      (arXiv 2208.00406, reference 22) say; the same life-cycle method (Albania, all hydropower,
      has 24.5). Also the alpha-2 codes and second spellings of names.

What is decided here:
  * The primary table is Ember by way of Our World in Data, for all countries but one.
  * IND is the figure of the study that frugal implements (Eco2AI: 625.573); Ember's newer one is
    IND-OWID.
  * WORLD is the mean of the primary table's rows, weighted by their generation (total_TWh):
    480.6, where Ember itself says 480 for 2023. Eco2AI's world row is WORLD-ECO2AI.
  * Rows below 10 g are left out: below any life-cycle figure of a real mix (CAF is 0.000).
"""
import csv
import json
import sys

OWID = "Ember Yearly Electricity Data via Our World in Data (as in codecarbon global_energy_mix.json)"
ECO2AI = "Ember Global Electricity Review 2022 (as in Eco2AI carbon_index.csv)"

# Not in Eco2AI's list, or empty there; ISO 3166-1.
ISO2 = {"NAM": "NA", "BMU": "BM", "ESH": "EH", "GIB": "GI", "SHN": "SH", "TLS": "TL"}

# Other English names in common use.
ALIASES = {
    "GBR": ["UK", "Great Britain", "Britain"],
    "USA": ["United States of America", "America"],
    "KOR": ["Korea", "Republic of Korea"],
    "PRK": ["DPRK"],
    "CZE": ["Czech Republic"],
    "NLD": ["Holland", "The Netherlands"],
    "RUS": ["Russian Federation"],
    "TUR": ["Turkiye"],
    "VNM": ["Viet Nam"],
    "CIV": ["Ivory Coast"],
    "ARE": ["UAE"],
    "MMR": ["Burma"],
    "SWZ": ["Swaziland"],
    "TLS": ["Timor-Leste"],
    "CPV": ["Cabo Verde"],
    "COD": ["DR Congo"],
    "WORLD": ["World average", "Global"],
}


def main():
    root = sys.argv[1]
    with open(f"{root}/codecarbon/global_energy_mix.json", encoding="utf-8") as f:
        owid = json.load(f)
    eco = {}
    with open(f"{root}/eco2ai/carbon_index.csv", newline="", encoding="utf-8") as f:
        for r in csv.DictReader(f):
            if r["region"] == "Whole country":
                eco[r["alpha_3_code"]] = r

    rows = []

    def add(code, iso2, name, aliases, grams, year, source, notes):
        rows.append([code, iso2, name, "|".join(aliases), f"{grams:.3f}", str(year), "CO2e",
                     "life-cycle", source, notes])

    # The intensity and generation of the world as the rows of the primary table have it.
    twh = sum(r["total_TWh"] for r in owid.values() if r["carbon_intensity"])
    world = sum(r["total_TWh"] * r["carbon_intensity"] for r in owid.values()) / twh
    add("WORLD", "", "World", ALIASES["WORLD"], world, 2023, OWID,
        "world average: the countries' rows weighted by generation; Ember itself says 480 for 2023")
    add("WORLD-ECO2AI", "", "World (Eco2AI)", [],
        float(eco["WORLD"]["Emission intensity, kg/MWh"]), 2021, ECO2AI,
        "Eco2AI's world average; for comparison with figures made with it")

    for code in sorted(owid):
        r = owid[code]
        if r["carbon_intensity"] < 10:
            continue
        iso2 = ISO2.get(code) or eco[code]["alpha_2_code"]
        names = [r["country_name"]]
        for other in ([eco[code]["country"]] if code in eco else []) + ALIASES.get(code, []):
            other = other.replace(",", "")
            if other.lower() not in [n.lower() for n in names]:
                names.append(other)
        note = "" if r["year"] >= 2022 else "the latest year that the source has"
        if code == "IND":
            add("IND", iso2, names[0], names[1:],
                float(eco["IND"]["Emission intensity, kg/MWh"]), 2021, ECO2AI,
                "the study's figure (arXiv 2601.08844 by Eco2AI); newer: IND-OWID")
            add("IND-OWID", "", "India (Ember by Our World in Data)", [], r["carbon_intensity"],
                r["year"], OWID, "the primary table's row; IND is the study's")
        else:
            add(code, iso2, names[0], names[1:], r["carbon_intensity"], r["year"], OWID, note)

    seen = {}
    for row in rows:
        assert not any("," in field or '"' in field for field in row), row
        for key in {k.lower() for k in [row[0], row[1], row[2]] + row[3].split("|") if k}:
            if key in seen:
                sys.exit(f"{key} means both {seen[key]} and {row[0]}")
            seen[key] = row[0]
    print("code,iso2,name,aliases,g_per_kwh,year,gas,scope,source,notes")
    for row in rows:
        print(",".join(row))


main()
