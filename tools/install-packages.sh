#!/bin/sh
# Installs what is missing of the Debian or Ubuntu packages that frugal needs.
#     tools/install-packages.sh build           to build and run
#     tools/install-packages.sh build test      also to build and run the tests
#     tools/install-packages.sh lint            what `make lint` calls
# libdnnl-dev and libcurl4-openssl-dev also bring the libraries that the binary loads at run time;
# python3 runs the programs that models write.
# Calls apt only if something is missing: a second run needs no network and no rights.
set -eu

build="gcc libc6-dev make cmake ninja-build pkgconf libdnnl-dev libcurl4-openssl-dev libjansson-dev
       libyaml-dev zlib1g-dev libzstd-dev libsqlite3-dev libutf8proc-dev libpcre2-dev
       libseccomp-dev bubblewrap python3"
test="libcmocka-dev"
lint="clang-format clang-tidy cppcheck python3"

installed() {
    dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

command -v dpkg-query >/dev/null 2>&1 || {
    echo "install-packages: this is neither Debian nor Ubuntu; install by hand what stands for" $build $test >&2
    exit 1
}

missing=""
for set in "$@"; do
    case $set in
    build) wanted=$build ;;
    test) wanted=$test ;;
    lint) wanted=$lint ;;
    *)
        echo "install-packages: unknown set '$set'; there are build, test and lint" >&2
        exit 2
        ;;
    esac
    for package in $wanted; do
        installed "$package" || missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1; then
    as_root="sudo"
    [ -t 0 ] || as_root="sudo -n" # nobody there to type a password
else
    echo "install-packages: missing:$missing" >&2
    echo "Run as root: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

echo "Installing$missing" >&2
run_apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null >&2
}
run_apt update || echo "install-packages: apt-get update failed; trying with the lists there are" >&2
run_apt install --yes --no-install-recommends $missing || {
    echo "install-packages: could not install$missing; is there a network?" >&2
    exit 1
}
