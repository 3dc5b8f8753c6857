#!/bin/sh
# Makes the Python environment that `make parity` and `make bench` compare against, outside the
# tree: ~/.cache/frugal/venv unless a folder is given. frugal itself never needs Python.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$HOME/.cache/frugal/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --requirement "$here/requirements.txt"
echo "$venv/bin/python"
