#!/usr/bin/env bash
# Makes the example reports again: `data/make-examples.sh`, from the root of a clone with the render extra installed.
set -euo pipefail
cd "$(dirname "$0")/.."
spur=(${SPUR:-.venv/bin/spur})
dev=data/corpus/dev
render() { "${spur[@]}" dataset render "$dev/$1.tsv" --format "$2" --layout "$3" --out "data/examples/$4" "${@:5}"; }

render w14-tx-05 pdf 1 layout-1
render w18-tz-35 docx 1 layout-1
render w20-tz-49 txt 1 layout-1
render w8-ts-20 md 1 layout-1
render w11-ts-57 pdf 2 layout-2
render w13-ts-86 docx 2 layout-2
render w9-ts-31 txt 2 layout-2
render w16-tz-08 md 2 layout-2
render w12-ts-79 pdf 3 layout-3
render w7-ts-08 docx 3 layout-3
render w17-tz-21 txt 3 layout-3
render w15-tx-23 md 3 layout-3
# with a marked scale, regrade remarks and an action plan
render w15-tx-20 pdf 1 graded --grades data/examples-grades.csv
render w10-ts-53 pdf 2 graded --grades data/examples-grades.csv
render w12-ts-78 docx 3 graded --grades data/examples-grades.csv
