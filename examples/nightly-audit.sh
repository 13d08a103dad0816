#!/usr/bin/env bash
# Every night: scan, compare with the scan before, write CSV and a page, and say by the exit code whether somebody has
# to look.
#
#   nightly-audit.sh OUT_DIR [easemob-admin options, such as --profile prod]
#
# GROWTH is how many percent more devices than the night before are too many (20), OVER how many devices of an account
# on one platform are too many (4). Exit codes: 0 nothing to look at, 11 something to look at, others as documented in
# docs/exit-codes.md.
set -euo pipefail

out=${1:?give a directory for the reports}
shift
growth=${GROWTH:-20} over=${OVER:-4}
day=$(date -u +%F)
mkdir -p "$out"
umask 077

findings=0
# Runs a command whose exit code 11 is a finding and no failure.
look() {
  local code=0
  "$@" || code=$?
  if [ "$code" = 11 ]; then findings=1; elif [ "$code" != 0 ]; then exit "$code"; fi
}

# 6 means that some reads failed; they are in the snapshot as such, and in none of the figures.
code=0
easemob-admin "$@" logins scan --quiet -o json > "$out/$day-scan.json" || code=$?
[ "$code" = 0 ] || [ "$code" = 6 ] || exit "$code"

look easemob-admin "$@" logins count --over "$over" -o csv > "$out/$day-platforms.csv"
easemob-admin "$@" logins count --by devices -o csv > "$out/$day-accounts.csv"
look easemob-admin "$@" logins report --html "$out/$day.html" --over "$over"
# The first night has nothing to be compared with.
if [ "$(easemob-admin "$@" logins snapshots -o csv | awk -F, 'NR > 1 && $2 == "all" && $4 != ""' | wc -l)" -ge 2 ]; then
  look easemob-admin "$@" logins diff --growth "$growth" -o csv > "$out/$day-changes.csv"
fi
easemob-admin "$@" logins prune --older-than "${KEEP:-365d}" > /dev/null

[ "$findings" = 0 ] || exit 11
