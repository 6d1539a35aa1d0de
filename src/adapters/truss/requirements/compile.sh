#!/bin/sh
# Pins the three Python environments again, after a change of truss or uv in cli.in. Run it in this folder:
#   ./compile.sh <folder of a virtual environment that has that truss and that uv>
# Control server and inference server take the requirements that the truss library itself ships.
set -eu
templates=$("$1/bin/python" -c 'import truss.base.constants as c; print(c.TEMPLATES_DIR)')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp cli.in "$work/cli.in"
{ cat "$templates/control/requirements.txt"; grep '^uv==' cli.in; } > "$work/control.in"
# Index options are the machine's business. NumPy 1 has no wheels for Python 3.13 and later.
grep -v '^-' "$templates/server/requirements.txt" |
  sed 's/^numpy\([^ ]*\).*/numpy\1; python_version < "3.13"\nnumpy>=2.1,<3; python_version >= "3.13"/' > "$work/inference.in"
for name in cli control inference; do
  "$1/bin/uv" pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate \
    --no-emit-index-url --no-emit-find-links "$work/$name.in" -o "$work/$name.txt"
  cp "$work/$name.txt" "$name.txt"
done
