#!/bin/sh
# Installs into a folder, moves it, and compiles and runs the example as a user would.
#     test_install.sh BUILD_DIR CC
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() {
    echo "test_install: $*" >&2
    exit 1
}
cmake --install "$1" --prefix "$dir/first" >"$dir/log" || fail "$(cat "$dir/log")"
mv "$dir/first" "$dir/moved here"
cd "$dir/moved here"
pc=$(dirname "$(find . -name frugal-meter.pc)")
PKG_CONFIG_PATH="$PWD/$pc"
export PKG_CONFIG_PATH
lib=$(find "$PWD" -name libfrugal-meter.so)
[ -e "$lib" ] || fail "there is no libfrugal-meter.so"

# The engine and the HTTP library stay out.
needed=$(ldd "$lib")
case $needed in *dnnl* | *curl* | *gomp* | *sqlite*) fail "the library needs too much: $needed" ;; esac

# Every function of the public headers is there to be called.
nm -D --defined-only "$lib" | sed -n 's/.* T \([a-z0-9_]*\).*/\1/p' >"$dir/exported"
grep -hoE '^[A-Za-z].*[ *]fr_[a-z0-9_]+\(' include/frugal/*.h | grep -vE '^(typedef|#)' |
    grep -oE 'fr_[a-z0-9_]+\(' | tr -d '(' | sort -u >"$dir/declared"
[ "$(wc -l <"$dir/declared")" -ge 20 ] || fail "only $(wc -l <"$dir/declared") functions were found"
while IFS= read -r name; do
    grep -qx "$name" "$dir/exported" || fail "$name is declared in a header and not exported"
done <"$dir/declared"

eval "'$2' '$here/examples/meter.c' -Wall -Werror -o '$dir/shared' $(pkg-config --cflags --libs frugal-meter)"
LD_LIBRARY_PATH=$(dirname "$lib") "$dir/shared" >"$dir/out" || fail "the example failed"
grep -q ' J in ' "$dir/out" && grep -q ' g CO2e' "$dir/out" || fail "the example printed $(cat "$dir/out")"
case $(cat "$dir/out") in 0\ J* | nan*) fail "the example saw no energy: $(cat "$dir/out")" ;; esac

eval "'$2' '$here/examples/meter.c' -o '$dir/static' $(pkg-config --cflags frugal-meter) \
    '${lib%.so}.a' $(pkg-config --variable=none frugal-meter) -lm -pthread -ljansson -ldl"
"$dir/static" >/dev/null || fail "the example failed, linked statically"

./bin/frugal --version | grep -q '^frugal ' || fail "bin/frugal does not run"
commands=$(./bin/frugal --help | sed -n 's/^  \([a-z]*\) .*/frugal-\1.1/p')
[ -n "$commands" ] || fail "frugal --help lists no command"
for page in frugal-meter.3 frugal.1 $commands; do
    [ -n "$(find . -name "$page")" ] || fail "there is no man page $page"
done
