#!/usr/bin/env bash
# lnav 0.11.1: whether lines have a time of their own depends on the first line's stamp.
#
# Guess: of stamps as Go's time.RFC3339Nano writes them, which leaves out zeros at the end
# of a fraction and all of it where it is 0, each line has its own time.
# Seen: where the first line happens to stand at a whole second, every line with a
# fraction is taken for more text of that one: five lines are two entries, and the
# error in the middle has the level of the first, so neither a filter by level nor a jump
# to the next error comes there. The same lines behind one with a fraction are five
# entries. A fraction of one or two digits counts as none: 02.75 becomes 02.000, and lines
# of several files are merged by that.
# One log in a thousand begins so where stamps are in milliseconds.
#
# Needs lnav.
#
# Output seen:
#   lnav 0.11.1
#   first at a whole second: 01.000 info | 05.000 info
#   first with a fraction: 01.001 info | 02.000 info | 03.125 error | 04.123 info | 05.000 info
#
# Exits 0 while this is so, 1 when it has changed, 2 without lnav.
set -euo pipefail

command -v lnav > /dev/null || { echo "lnav is needed" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

entries() {
    printf '2026-03-03T10:00:%sZ %s\n' "$1" "INFO begins" "02.75" "INFO loads" \
        "03.125" "ERROR no route to host" "04.123456789" "INFO retries" \
        "05" "INFO done" > "$folder/job.log"
    HOME=$folder TERM=xterm lnav -n \
        -c ";select substr(log_time, 18) || ' ' || log_level as seen from all_logs" \
        -c ":write-csv-to -" "$folder/job.log" | sed 1d | paste -sd '|' | sed 's/|/ | /g'
}

lnav -V
whole=$(entries 01)
fraction=$(entries 01.001)
echo "first at a whole second: $whole"
echo "first with a fraction: $fraction"
[ "$whole" = "01.000 info | 05.000 info" ]
[ "$fraction" = \
    "01.001 info | 02.000 info | 03.125 error | 04.123 info | 05.000 info" ]
