#!/usr/bin/env python3
"""Writes data/hardware/cpus.csv: processor, TDP in W, hardware threads, source.

    tools/make-cpu-table.py DIR > data/hardware/cpus.csv

DIR holds codecarbon/cpu_power.csv (mlco2/codecarbon, MIT) and eco2ai/cpu_names.csv
(sb-ai-lab/Eco2AI, Apache-2.0), whose figures come from the vendors' product pages.
They give the TDP and no thread count, so the thread counts below are ours: the
vendors' specifications (Intel ARK, AMD product pages). A processor whose TDP is in
neither file, or differs between them by more than 10 %, stops the script.
"""
import csv
import re
import sys

# Name, then hardware threads of one processor.
THREADS = """
AMD EPYC 7251/16 7261/16 7281/32 7301/32 7351/32 7371/32 7401/48 7451/48 7501/64 7551/64 7601/64
AMD EPYC 7232P/16 7252/16 7262/16 7272/24 7282/32 7302/32 7302P/32 7352/48 7402/48 7402P/48 7452/64
AMD EPYC 7502/64 7502P/64 7542/64 7552/96 7642/96 7662/128 7702/128 7702P/128 7742/128 7H12/128
AMD EPYC 7F32/16 7F52/32 7F72/48
AMD EPYC 7313/32 7313P/32 7343/32 7413/48 7443/48 7443P/48 7453/56 7513/64 7543/64 7543P/64 7643/96
AMD EPYC 7663/112 7713/128 7713P/128 7763/128 72F3/16 73F3/32 74F3/48 75F3/64 7773X/128 7573X/64
AMD EPYC 9124/32 9224/48 9254/48 9334/64 9354/64 9354P/64 9454/96 9454P/96 9534/128 9554/128
AMD EPYC 9554P/128 9634/168 9654/192 9654P/192 9174F/32 9274F/48 9374F/64 9474F/96 9684X/192 9384X/64
AMD EPYC 9184X/32 9734/224 9754/256 9754S/128 8024P/16 8124P/32 8224P/48 8324P/64 8434P/96 8534P/128
AMD EPYC 9965/384 9845/320 9825/288 9755/256 9745/256 9655/192 9655P/192 9645/192 9565/144 9555/128
AMD EPYC 9555P/128 9535/128 9575F/128 9475F/96 9455/96 9455P/96 9365/72 9355/64 9355P/64 9335/64
AMD EPYC 9375F/64 9275F/48 9255/48 9175F/32 9135/32 9115/32 9015/16
AMD Ryzen 3 1200/4 3100/8 3300X/8 3200G/4 4100/8 5300G/8
AMD Ryzen 5 1600/12 1600X/12 2600/12 2600X/12 3600/12 3600X/12 3600XT/12 3500U/8 4500U/6 4600H/12
AMD Ryzen 5 5500/12 5600/12 5600X/12 5600G/12 5500U/12 5600U/12 5600H/12 7600/12 7600X/12
AMD Ryzen 5 9600X/12
AMD Ryzen 7 1700/16 1700X/16 1800X/16 2700/16 2700X/16 3700X/16 3800X/16 3800XT/16 3700U/8 4700U/8
AMD Ryzen 7 4800H/16 4800U/16 5700G/16 5700X/16 5800X/16 5800X3D/16 5700U/16 5800H/16 5800U/16
AMD Ryzen 7 6800H/16 6800U/16 7700/16 7700X/16 7800X3D/16 7840U/16 9700X/16 9800X3D/16
AMD Ryzen 9 3900/24 3900X/24 3950X/32 5900HX/16 5900X/24 5950X/32 6900HX/16 7900/24 7900X/24 7950X/32
AMD Ryzen 9 7950X3D/32 7945HX/32 9900X/24 9950X/32
AMD Ryzen Threadripper 1920X/24 1950X/32 2950X/32 2990WX/64 3960X/48 3970X/64 3990X/128 7960X/48 7970X/64
AMD Ryzen Threadripper 7980X/128
AMD Ryzen Threadripper PRO 3975WX/64 3995WX/128 5965WX/48 5975WX/64 5995WX/128 7965WX/48 7975WX/64 7985WX/128
AMD Ryzen Threadripper PRO 7995WX/192
Intel Xeon E3-1220 v3/4 E3-1230 v2/8 E3-1240 v2/8 E3-1230 v3/8 E3-1231 v3/8 E3-1240 v3/8 E3-1245 v3/8
Intel Xeon E3-1270 v3/8 E3-1220 v5/4 E3-1225 v5/4 E3-1230 v5/8 E3-1240 v5/8 E3-1270 v5/8 E3-1220 v6/4
Intel Xeon E3-1230 v6/8 E3-1240 v6/8 E3-1270 v6/8 E3-1505M v5/8 E3-1505M v6/8
Intel Xeon E5-1620/8 E5-1650/12 E5-1620 v2/8 E5-1650 v2/12 E5-1620 v3/8 E5-1650 v3/12 E5-1620 v4/8 E5-1650 v4/12
Intel Xeon E5-2603/4 E5-2609/4 E5-2620/12 E5-2630/12 E5-2640/12 E5-2650/16 E5-2660/16 E5-2665/16 E5-2670/16
Intel Xeon E5-2680/16 E5-2690/16
Intel Xeon E5-2603 v2/4 E5-2609 v2/4 E5-2620 v2/12 E5-2630 v2/12 E5-2640 v2/16 E5-2650 v2/16 E5-2660 v2/20
Intel Xeon E5-2670 v2/20 E5-2680 v2/20 E5-2690 v2/20 E5-2695 v2/24 E5-2697 v2/24
Intel Xeon E5-2603 v3/6 E5-2609 v3/6 E5-2620 v3/12 E5-2630 v3/16 E5-2640 v3/16 E5-2650 v3/20 E5-2660 v3/20
Intel Xeon E5-2666 v3/20 E5-2667 v3/16 E5-2670 v3/24 E5-2673 v3/24 E5-2676 v3/24 E5-2678 v3/24 E5-2680 v3/24
Intel Xeon E5-2690 v3/24 E5-2695 v3/28 E5-2697 v3/28 E5-2698 v3/32 E5-2699 v3/36
Intel Xeon E5-2603 v4/6 E5-2609 v4/8 E5-2620 v4/16 E5-2630 v4/20 E5-2640 v4/20 E5-2650 v4/24 E5-2660 v4/28
Intel Xeon E5-2667 v4/16 E5-2673 v4/40 E5-2680 v4/28 E5-2683 v4/32 E5-2686 v4/36 E5-2687W v4/24 E5-2690 v4/28
Intel Xeon E5-2695 v4/36 E5-2697 v4/36 E5-2698 v4/40 E5-2699 v4/44
Intel Xeon E-2124/4 E-2136/12 E-2176G/12 E-2176M/12 E-2186G/12 E-2224/4 E-2236/12 E-2276G/12 E-2278G/16
Intel Xeon E-2286M/16 E-2288G/16 E-2336/12 E-2388G/16
Intel Xeon W-1290P/20 W-2123/8 W-2125/8 W-2133/12 W-2135/12 W-2145/16 W-2155/20 W-2195/36 W-2223/8 W-2225/8
Intel Xeon W-2235/12 W-2245/16 W-2255/20 W-2265/24 W-2275/28 W-2295/36 W-3175X/56 W-3245/32 W-3265/48 W-3275/56
Intel Xeon Bronze 3104/6 3106/8 3204/6
Intel Xeon Silver 4108/16 4110/16 4112/8 4114/20 4116/24 4208/16 4210/20 4210R/20 4214/24 4214R/24 4215/16
Intel Xeon Silver 4216/32 4309Y/16 4310/24 4314/32 4316/40 4410Y/24 4416+/40
Intel Xeon Gold 5115/20 5117/28 5118/24 5120/28 5122/8 6126/24 6128/12 6130/32 6132/28 6134/16 6136/24 6138/40
Intel Xeon Gold 6140/36 6142/32 6144/16 6146/24 6148/40 6150/36 6152/44 6154/36 5215/20 5217/16 5218/32 5218R/40
Intel Xeon Gold 5220/36 5220R/48 6226/24 6226R/32 6230/40 6230R/52 6234/16 6238/44 6238R/56 6240/36 6240R/48
Intel Xeon Gold 6242/32 6242R/40 6244/16 6246/24 6246R/32 6248/40 6248R/48 6252/48 6254/36 6258R/56
Intel Xeon Gold 5315Y/16 5317/24 5318Y/48 5320/52 6326/32 6330/56 6334/16 6336Y/48 6338/64 6342/48 6346/32 6348/56
Intel Xeon Gold 6354/36 5416S/32 5418Y/48 5420+/56 6430/64 6438Y+/64 6442Y/48 6448Y/64 6454S/64
Intel Xeon Gold 6526Y/32 6530/64 6534/16 6538Y+/64 6542Y/48 6544Y/32 6548Y+/64
Intel Xeon Platinum 8124M/36 8151/24 8153/32 8158/24 8160/48 8164/52 8168/48 8170/52 8173M/56 8175M/48 8176/56
Intel Xeon Platinum 8180/56 8253/32 8259CL/48 8260/48 8268/48 8269CY/52 8270/52 8272CL/52 8275CL/48 8276/56
Intel Xeon Platinum 8280/56 8280L/56 8352Y/64 8358/64 8360Y/72 8368/76 8370C/64 8375C/64 8380/80
Intel Xeon Platinum 8452Y/72 8460Y+/80 8462Y+/64 8468/96 8470/104 8480+/112 8481C/112 8490H/120
Intel Xeon Platinum 8558/96 8562Y+/64 8568Y+/96 8580/120 8592+/128
Intel Xeon Max 9460/80 9468/96 9470/104 9480/112
Intel Xeon 6980P/256 6979P/240 6972P/192 6960P/144 6780E/144 6766E/144 6746E/112 6740E/96 6787P/172 6767P/128
Intel Core i3-8100/4 i3-9100F/4 i3-10100/8 i3-12100/8
Intel Core i5-2500K/4 i5-3570K/4 i5-4570/4 i5-4590/4 i5-4690K/4 i5-6500/4 i5-6600K/4 i5-7500/4 i5-7600K/4
Intel Core i5-6200U/4 i5-6300U/4 i5-7200U/4 i5-7300U/4 i5-8250U/8 i5-8265U/8 i5-8350U/8 i5-8365U/8 i5-8400/6
Intel Core i5-8500/6 i5-8600K/6 i5-9400/6 i5-9400F/6 i5-9600K/6 i5-10210U/8 i5-10310U/8 i5-10400/12 i5-10400F/12
Intel Core i5-10500/12 i5-10600K/12 i5-11400/12 i5-11600K/12 i5-1135G7/8 i5-1145G7/8 i5-1235U/12 i5-1240P/16
Intel Core i5-12400/12 i5-12400F/12 i5-12500/12 i5-12600K/16 i5-1335U/12 i5-1340P/16 i5-13400/16 i5-13500/20
Intel Core i5-13600K/20 i5-14400/16 i5-14600K/20
Intel Core i7-2600/8 i7-2600K/8 i7-3770/8 i7-3770K/8 i7-4770/8 i7-4770K/8 i7-4790/8 i7-4790K/8 i7-5820K/12 i7-5960X/16
Intel Core i7-6700/8 i7-6700K/8 i7-6700HQ/8 i7-6500U/4 i7-6600U/4 i7-6800K/12 i7-6850K/12 i7-7500U/4 i7-7600U/4
Intel Core i7-7700/8 i7-7700K/8 i7-7700HQ/8 i7-7820X/16 i7-8550U/8 i7-8565U/8 i7-8650U/8 i7-8665U/8 i7-8700/12
Intel Core i7-8700K/12 i7-8750H/12 i7-9700/8 i7-9700K/8 i7-9750H/12 i7-9800X/16 i7-10510U/8 i7-10610U/8 i7-10700/16
Intel Core i7-10700K/16 i7-10710U/12 i7-10750H/12 i7-10850H/12 i7-10875H/16 i7-1065G7/8 i7-11700/16 i7-11700K/16
Intel Core i7-11800H/16 i7-11850H/16 i7-1165G7/8 i7-1185G7/8 i7-1255U/12 i7-1260P/16 i7-12700/20 i7-12700K/20 i7-12700H/20
Intel Core i7-12800H/20 i7-1355U/12 i7-1360P/16 i7-13700/24 i7-13700K/24 i7-13700H/20 i7-13700HX/24 i7-14700/28
Intel Core i7-14700K/28
Intel Core i9-7900X/20 i9-7920X/24 i9-7940X/28 i9-7960X/32 i9-7980XE/36 i9-8950HK/12 i9-9900/16 i9-9900K/16 i9-9900KS/16
Intel Core i9-9880H/16 i9-9980HK/16 i9-9900X/20 i9-9940X/28 i9-9980XE/36 i9-10850K/20 i9-10900/20 i9-10900K/20
Intel Core i9-10900X/20 i9-10940X/28 i9-10980XE/36 i9-10980HK/16 i9-11900/16 i9-11900K/16 i9-11980HK/16 i9-12900/24
Intel Core i9-12900K/24 i9-12900KS/24 i9-12900H/20 i9-13900/32 i9-13900K/32 i9-13900KS/32 i9-13900H/20 i9-13900HX/32
Intel Core i9-14900/32 i9-14900K/32 i9-14900KS/32 i9-14900HX/32
Intel Core Ultra 5 125U/14 125H/18 135U/14
Intel Core Ultra 7 155H/22 155U/14 165H/22 165U/14
Intel Core Ultra 9 185H/22
"""

# Where the two files disagree, or neither has it: the figure taken, and from where.
ARK = "vendor specification (Intel ARK: processor base power or TDP)"
CHOSEN = {
    "Intel Core i5-1335U": (15, ARK),
    "Intel Core i7-10610U": (15, ARK),
    "Intel Core i7-11700": (65, ARK),
}


def wanted():
    for line in THREADS.strip().splitlines():
        words = line.split()
        first = next(i for i, w in enumerate(words) if "/" in w or (
            i + 1 < len(words) and re.match(r"v\d/", words[i + 1])))
        family, rest = " ".join(words[:first]), " ".join(words[first:])
        for m in re.finditer(r"(\S+(?: v\d)?)/(\d+)", rest):
            yield f"{family} {m.group(1)}", int(m.group(2))


def read(path, name, tdp):
    out = {}
    with open(path, newline="", encoding="utf-8-sig") as f:
        for row in csv.DictReader(f):
            key = re.sub(r"^(amd|intel) ", "", row[name].strip().lower())
            try:  # some rows hold two figures, or none
                out.setdefault(key, float(row[tdp]))
            except ValueError:
                continue
    return out


def main():
    root = sys.argv[1]
    a = read(f"{root}/codecarbon/cpu_power.csv", "Name", "TDP")
    b = read(f"{root}/eco2ai/cpu_names.csv", "Model", "TDP")
    missing, differ, seen = [], [], set()
    print("name,tdp_w,threads,source")
    for name, threads in wanted():
        key = re.sub(r"^(amd|intel) ", "", name.lower())
        if key in seen:
            sys.exit(f"{name} is there twice")
        seen.add(key)
        x, y = a.get(key), b.get(key)
        if name in CHOSEN:
            tdp, source = CHOSEN[name]
        elif x is None and y is None:
            missing.append(name)
            continue
        elif x and y and abs(x - y) > 0.1 * x:
            differ.append((name, x, y))
            continue
        else:
            tdp = x if x is not None else y
            source = ("TDP: codecarbon cpu_power.csv; threads: vendor specification" if x is not None
                      else "TDP: Eco2AI cpu_names.csv; threads: vendor specification")
        print(f"{name},{tdp:g},{threads},{source}")
    if missing or differ:
        sys.exit(f"no TDP for {missing}\ndifferent TDP for {differ}")


main()
