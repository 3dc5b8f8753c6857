#!/usr/bin/env python3
"""Writes data/carbon/regions.csv, the grid intensities that frugal uses.

    tools/make-carbon-table.py DIR > data/carbon/regions.csv
    tools/make-carbon-table.py DIR --spread        how far sources disagree: the rules of carbon.c

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
  codecarbon/nordic_emissions.json   bidding zones. It names "historical averages from ENTSO-E
      data" and one figure for all zones of Sweden and Norway; a primary source that prints these
      figures could not be found, and the rows say so.
  codecarbon/usa_emissions.json      only for --spread: EPA eGRID2016, lb CO2 per MWh.

tools/carbon/ holds figures taken from publications:
  us-states.csv  EPA eGRID2023 rev2, summary tables, state CO2 total output emission rates
      (lb/MWh x 0.45359237): stacks only, CO2 only. By CO2e the rates are 0.1 to 1.6 % higher.
  canada.csv     Environment and Climate Change Canada, National Inventory Report 1990-2024,
      Annex 7: consumption intensity of 2024 (g CO2e/kWh), direct; imports and losses included.
  gcp.csv        Google, region-carbon-info, data/yearly/2025.csv: grid carbon intensity by cloud
      region, "average operational gross emissions per unit of energy from the grid": location
      based, without Google's own contracts.

What is decided here:
  * The primary table is Ember by way of Our World in Data, for all countries but one.
  * IND is the figure of the study that frugal implements (Eco2AI: 625.573); Ember's newer one is
    IND-OWID.
  * WORLD is the mean of the primary table's rows, weighted by their generation (total_TWh):
    480.6, where Ember itself says 480 for 2023. Eco2AI's world row is WORLD-ECO2AI.
  * Countries below 10 g are left out: below any life-cycle figure of a real mix (CAF is 0.000).
  * Amazon and Microsoft publish no location-based intensity of their regions: those rows repeat
    the row of the grid that the region stands in (rule "stand-in"), and name it. So do the two
    Danish zones, of which only the whole is known.
"""
import csv
import json
import os
import sys

OWID = "Ember Yearly Electricity Data via Our World in Data (as in codecarbon global_energy_mix.json)"
ECO2AI = "Ember Global Electricity Review 2022 (as in Eco2AI carbon_index.csv)"
EGRID = "US EPA eGRID2023 rev2 state total output emission rates"
NIR = "Environment and Climate Change Canada NIR 1990-2024 Annex 7 consumption intensity"
NORDIC = "primary source not established (codecarbon nordic_emissions.json: averages of ENTSO-E data)"
GOOGLE = "Google region-carbon-info data/yearly/2025.csv"

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

STATES = {
    "AK": "Alaska", "AL": "Alabama", "AR": "Arkansas", "AZ": "Arizona", "CA": "California",
    "CO": "Colorado", "CT": "Connecticut", "DC": "District of Columbia", "DE": "Delaware",
    "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "IA": "Iowa", "ID": "Idaho",
    "IL": "Illinois", "IN": "Indiana", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana",
    "MA": "Massachusetts", "MD": "Maryland", "ME": "Maine", "MI": "Michigan", "MN": "Minnesota",
    "MO": "Missouri", "MS": "Mississippi", "MT": "Montana", "NC": "North Carolina",
    "ND": "North Dakota", "NE": "Nebraska", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NV": "Nevada", "NY": "New York", "OH": "Ohio", "OK": "Oklahoma",
    "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina",
    "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VA": "Virginia",
    "VT": "Vermont", "WA": "Washington", "WI": "Wisconsin", "WV": "West Virginia",
    "WY": "Wyoming",
}

PROVINCES = {
    "AB": "Alberta", "BC": "British Columbia", "MB": "Manitoba", "NB": "New Brunswick",
    "NL": "Newfoundland and Labrador", "NS": "Nova Scotia", "NT": "Northwest Territories",
    "NU": "Nunavut", "ON": "Ontario", "PE": "Prince Edward Island", "QC": "Quebec",
    "SK": "Saskatchewan", "YT": "Yukon",
}

# Cloud regions and the row of the grid that they stand in (the providers' own lists of regions).
STAND_INS = {
    "aws": """us-east-1 US-VA, us-east-2 US-OH, us-west-1 US-CA, us-west-2 US-OR,
        us-gov-east-1 US-OH, us-gov-west-1 US-OR, ca-central-1 CA-QC, ca-west-1 CA-AB,
        mx-central-1 MEX, sa-east-1 BRA, eu-west-1 IRL, eu-west-2 GBR, eu-west-3 FRA,
        eu-central-1 DEU, eu-central-2 CHE, eu-north-1 SWE, eu-south-1 ITA, eu-south-2 ESP,
        af-south-1 ZAF, il-central-1 ISR, me-south-1 BHR, me-central-1 ARE, ap-east-1 HKG,
        ap-east-2 TWN, ap-south-1 IND, ap-south-2 IND, ap-northeast-1 JPN, ap-northeast-2 KOR,
        ap-northeast-3 JPN, ap-southeast-1 SGP, ap-southeast-2 AUS, ap-southeast-3 IDN,
        ap-southeast-4 AUS, ap-southeast-5 MYS, ap-southeast-6 NZL, ap-southeast-7 THA,
        cn-north-1 CHN, cn-northwest-1 CHN""",
    "azure": """eastus US-VA, eastus2 US-VA, centralus US-IA, northcentralus US-IL,
        southcentralus US-TX, westcentralus US-WY, westus US-CA, westus2 US-WA, westus3 US-AZ,
        canadacentral CA-ON, canadaeast CA-QC, mexicocentral MEX, brazilsouth BRA,
        chilecentral CHL, northeurope IRL, westeurope NLD, uksouth GBR, ukwest GBR,
        francecentral FRA, francesouth FRA, germanywestcentral DEU, germanynorth DEU,
        switzerlandnorth CHE, switzerlandwest CHE, austriaeast AUT, italynorth ITA,
        spaincentral ESP, polandcentral POL, norwayeast NOR, norwaywest NOR, swedencentral SWE,
        swedensouth SWE, southafricanorth ZAF, southafricawest ZAF, israelcentral ISR,
        qatarcentral QAT, uaenorth ARE, uaecentral ARE, eastasia HKG, southeastasia SGP,
        japaneast JPN, japanwest JPN, koreacentral KOR, koreasouth KOR, centralindia IND,
        southindia IND, westindia IND, indonesiacentral IDN, malaysiawest MYS, australiaeast AUS,
        australiasoutheast AUS, australiacentral AUS, newzealandnorth NZL, chinaeast2 CHN,
        chinanorth2 CHN, chinanorth3 CHN""",
}

CODE, ISO, COUNTRY, NAME, ALIAS, GRAMS, YEAR, GAS, SCOPE, RULE, SOURCE, NOTES = range(12)
HEADER = "code,iso2,country,name,aliases,g_per_kwh,year,gas,scope,rule,source,notes"


def published(name):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "carbon", name)
    with open(path, newline="", encoding="utf-8") as f:
        return list(csv.reader(f))


def load(root):
    with open(f"{root}/codecarbon/global_energy_mix.json", encoding="utf-8") as f:
        owid = json.load(f)
    eco = {}
    with open(f"{root}/eco2ai/carbon_index.csv", newline="", encoding="utf-8") as f:
        for r in csv.DictReader(f):
            if r["region"] == "Whole country":
                eco[r["alpha_3_code"]] = r
    return owid, eco


def countries(owid, eco):
    rows = []

    def add(code, iso2, country, name, aliases, grams, year, rule, source, notes):
        rows.append([code, iso2, country, name, "|".join(aliases), f"{grams:.3f}", str(year),
                     "CO2e", "life-cycle", rule, source, notes])

    # The intensity and generation of the world as the rows of the primary table have it.
    twh = sum(r["total_TWh"] for r in owid.values() if r["carbon_intensity"])
    world = sum(r["total_TWh"] * r["carbon_intensity"] for r in owid.values()) / twh
    add("WORLD", "", "", "World", ALIASES["WORLD"], world, 2023, "world", OWID,
        "world average: the countries' rows weighted by generation; Ember itself says 480 for 2023")
    add("WORLD-ECO2AI", "", "", "World (Eco2AI)", [],
        float(eco["WORLD"]["Emission intensity, kg/MWh"]), 2021, "world", ECO2AI,
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
            add("IND", iso2, code, names[0], names[1:],
                float(eco["IND"]["Emission intensity, kg/MWh"]), 2021, "country", ECO2AI,
                "the study's figure (arXiv 2601.08844 by Eco2AI); newer: IND-OWID")
            add("IND-OWID", "", code, "India (Ember by Our World in Data)", [],
                r["carbon_intensity"], r["year"], "country", OWID,
                "the primary table's row; IND is the study's")
        else:
            add(code, iso2, code, names[0], names[1:], r["carbon_intensity"], r["year"],
                "country", OWID, note)
    return rows


def parts(root):
    """States, provinces and Nordic zones."""
    rows = []
    for state, grams in published("us-states.csv"):
        rows.append([f"US-{state}", "", "USA", f"{STATES[state]} (USA)", STATES[state], grams,
                     "2023", "CO2", "direct", "state", EGRID, "generation in the state"])
    for province, grams in published("canada.csv"):
        rows.append([f"CA-{province}", "", "CAN", f"{PROVINCES[province]} (Canada)",
                     PROVINCES[province], grams, "2024", "CO2e", "direct", "province", NIR, ""])
    with open(f"{root}/codecarbon/nordic_emissions.json", encoding="utf-8") as f:
        zones = json.load(f)["data"]
    land = {"SE": ("SWE", "Sweden"), "NO": ("NOR", "Norway")}
    for zone, r in zones.items():
        if zone == "FI":  # one zone, one country: the country's row has a source
            continue
        country, name = land[zone[:2]]
        rows.append([f"{zone[:2]}-{zone}", "", country, f"{name} zone {zone}", zone,
                     f"{r['emission_factor']:.3f}", str(r["year"]), "CO2e", "not stated",
                     "unsourced", NORDIC, "one figure for all zones of Sweden and Norway"])
    return rows


def clouds(rows):
    """Rows of cloud regions, from those of the grids."""
    by_code = {r[CODE]: r for r in rows}
    out = []

    def stand_in(code, name, alias, at, why):
        grid = by_code[at]
        out.append([code, "", grid[COUNTRY], name, alias, *grid[GRAMS:RULE], "stand-in",
                    grid[SOURCE], f"row {at}: {why}"])

    for zone in ("DK1", "DK2"):
        stand_in(f"DK-{zone}", f"Denmark zone {zone}", zone, "DNK", "the zone's own figure is not known")
    for region, country, place, grams in published("gcp.csv"):
        out.append([f"gcp:{region}", "", country, f"Google Cloud {region} ({place})", "", grams,
                    "2025", "CO2e", "direct", "cloud", GOOGLE, "location-based"])
    for cloud, title, owner in (("aws", "AWS", "Amazon"), ("azure", "Azure", "Microsoft")):
        for entry in STAND_INS[cloud].split(","):
            region, at = entry.split()
            stand_in(f"{cloud}:{region}", f"{title} {region} ({by_code[at][NAME]})", "", at,
                     f"{owner} publishes no location-based figure")
    return out


def check(rows):
    codes = {}
    for row in rows:
        assert len(row) == 12 and not any("," in f or '"' in f for f in row), row
        for key in {k.lower() for k in (row[CODE], row[ISO]) if k}:
            if key in codes:
                sys.exit(f"{key} means both {codes[key]} and {row[CODE]}")
            codes[key] = row[CODE]


def spread(rows, owid, eco, root):
    """How far two sources of one kind of row disagree: median and nine of ten."""
    def show(what, pairs):
        x = sorted(abs(a / b - 1) for a, b in pairs)
        print(f"{what}: n {len(x)}, median {x[len(x) // 2]:.2f}, nine of ten {x[int(.9 * len(x))]:.2f}")

    grams = {r[CODE]: float(r[GRAMS]) for r in rows}
    show("country, 2021 to 2023, above 100 TWh",
         [(float(eco[c]["Emission intensity, kg/MWh"]), r["carbon_intensity"])
          for c, r in owid.items() if c in eco and r["total_TWh"] > 100])
    with open(f"{root}/codecarbon/usa_emissions.json", encoding="utf-8") as f:
        old = json.load(f)
    show("state, 2016 to 2023", [(grams["US-" + v["regionCode"]], v["emissions"] * 0.45359237)
                                 for k, v in old.items() if "US-" + v["regionCode"] in grams])
    show("stand-in: Google's figure against the country's",
         [(grams[r[CODE]], grams[r[COUNTRY]]) for r in rows
          if r[RULE] == "cloud" and r[COUNTRY] != "USA" and r[COUNTRY] != "CAN"])


def main():
    root = sys.argv[1]
    owid, eco = load(root)
    rows = countries(owid, eco) + parts(root)
    rows += clouds(rows)
    check(rows)
    if "--spread" in sys.argv[2:]:
        spread(rows, owid, eco, root)
        return
    print(HEADER)
    for row in rows:
        print(",".join(row))


main()
