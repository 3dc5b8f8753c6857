#!/bin/sh
# What a newcomer meets: a minimal Debian or Ubuntu, a clone of the last commit, ./demo.sh, the same
# without a network, ./test.sh.
#     tools/fresh-system.sh bookworm      or trixie, noble; as root, needs debootstrap and some 5 GB
set -eu
suite=${1:?which system? bookworm, trixie, noble}
repository=$(cd "$(dirname "$0")/.." && git rev-parse --absolute-git-dir)
root=$(mktemp -d)
chmod 755 "$root" # it becomes /, where the sandbox's own user has to pass
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 1' INT TERM
debootstrap --variant=minbase --include=git,ca-certificates "$suite" "$root" >&2

# Mounts live in a namespace of their own, and end with it.
unshare --mount sh -eu -s "$root" "$repository" <<'IN'
root=$1
mkdir "$root/repository.git"
mkdir -m 700 "$root/private" # as many a home: only its owner passes
mount --bind -o ro "$2" "$root/repository.git"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cp -L /etc/resolv.conf "$root/etc/"
inside() {
    echo "fresh-system: $*" >&2
    chroot "$root" env -i HOME=/private PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        sh -c 'cd "/private/a clone" && "$@"' - "$@" </dev/null
}
chroot "$root" git -c safe.directory='*' clone -q /repository.git "/private/a clone"
inside ./demo.sh
inside unshare --net ./demo.sh
inside ./test.sh
IN
