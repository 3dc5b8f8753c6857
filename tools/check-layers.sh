#!/bin/sh
# Does every #include "room/x.h" under src/ name its own room or one of a strictly lower layer?
# Layers are those of tools/layers.txt.
#     tools/check-layers.sh                 checks this tree; prints offenders; status 1 if there are any
#     tools/check-layers.sh --self-test     checks that it can tell right from wrong
set -eu
here=$(cd "$(dirname "$0")" && pwd)

# check LAYERS SRC: offenders on stdout
check() {
    find "$2" -name '*.[ch]' | LC_ALL=C sort | while IFS= read -r file; do
        awk -v file="$file" -v src="$2" -v layers="$1" '
            BEGIN {
                while ((getline line < layers) > 0)
                    if (split(line, part, " ") == 2 && part[1] ~ /^[0-9]+$/) layer[part[2]] = part[1]
                room = substr(file, length(src) + 2)
                sub(/\/.*/, "", room)
                if (!(room in layer)) {
                    print file ": room " room " is not in layers.txt"
                    exit
                }
            }
            /^[ \t]*#[ \t]*include[ \t]*"/ {
                target = $0
                sub(/^[^"]*"/, "", target)
                sub(/".*/, "", target)
                other = target
                if (sub(/^frugal\//, "", other)) { # public headers: of their room, or of base
                    sub(/\.h$/, "", other)
                    if (!(other in layer)) other = "base"
                    other = other "/"
                }
                if (other !~ /\//) {
                    print file ":" FNR ": \"" target "\" should be named with its room"
                    next
                }
                sub(/\/.*/, "", other)
                if (other == room) next
                if (!(other in layer))
                    print file ":" FNR ": \"" target "\" is of no known room"
                else if (layer[other] + 0 >= layer[room] + 0)
                    print file ":" FNR ": room " room " (layer " layer[room] ") must not include \"" \
                          target "\" (layer " layer[other] ")"
            }' "$file"
    done
}

self_test() {
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    mkdir -p "$dir/src/low" "$dir/src/high" "$dir/src/stray"
    printf '# comment\n0 low\n1 high\n1 side\n' >"$dir/layers.txt"
    printf '#include "high/b.h"\n' >"$dir/src/low/up.c"
    printf '#include "side/b.h"\n' >"$dir/src/high/sideways.c"
    printf '#include "b.h"\n' >"$dir/src/high/bare.c"
    printf '#include "low/a.h"\n#include "high/b.h"\n#include <stdio.h>\n' >"$dir/src/high/fine.c"
    printf 'int x;\n' >"$dir/src/stray/x.c"
    found=$(check "$dir/layers.txt" "$dir/src" | sed 's/:.*//; s|.*/||' | tr '\n' ' ')
    [ "$found" = "bare.c sideways.c up.c x.c " ] || {
        echo "check-layers: self-test failed; offenders found: $found" >&2
        return 1
    }
}

if [ "${1:-}" = --self-test ]; then
    self_test
    exit
fi
offenders=$(cd "$here/.." && check tools/layers.txt src)
[ -z "$offenders" ] || {
    printf '%s\n' "$offenders" >&2
    exit 1
}
