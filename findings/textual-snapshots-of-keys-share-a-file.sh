#!/usr/bin/env bash
# pytest-textual-snapshot 1.1.0 on syrupy 4.8.0: snapshots for the keys ? : | are one file.
#
# Guess: tests parametrized by keys have a snapshot each; if two names made one file,
# that would be said, at the latest when they are updated.
# Seen: characters that some file system forbids are left out of a file's name, without
# anything in their place. `test_key[?]`, `test_key[:]` and `test_key[|]` all write
# `test_key[].svg`, each over the one before. --snapshot-update passes all three, however
# often it is run, and says nothing of a clash; the run after it fails two of them. What
# these show was never compared with anything. With `ids=` of letters all is well.
#
# Output seen:
#   syrupy 4.8.0, pytest-textual-snapshot 1.1.0, three keys
#     updating: 3 passed, files: test_key[].svg
#     again: 3 passed, files: test_key[].svg
#     comparing: 2 failed, 1 passed
#
# Exits 0 while this is so, 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'textual==8.2.8' 'pytest==8.4.2' 'syrupy==4.8.0' \
    'pytest-textual-snapshot==1.1.0'

mkdir "$folder/tests"
cat > "$folder/tests/test_keys.py" <<'PYTHON'
import pytest
from textual.app import App, ComposeResult
from textual.events import Key
from textual.widgets import Label


class Keys(App[None]):
    """Shows which key was pressed."""

    def compose(self) -> ComposeResult:
        yield Label("none")

    def on_key(self, event: Key) -> None:
        self.query_one(Label).update(event.key)


@pytest.mark.parametrize("key", ["?", ":", "|"])
def test_key(key, snap_compare) -> None:
    assert snap_compare(Keys(), press=[key])
PYTHON

run() {
    (cd "$folder/tests" && "$folder/venv/bin/python" -m pytest -q -p no:cacheprovider \
        "$@" || true) | grep -oE '([0-9]+ (passed|failed)(, )?)+ in ' | tail -1 | sed 's/ in //'
}

files() { find "$folder/tests" -name '*.svg' -printf '%f\n' | sort | paste -sd ' '; }

echo "syrupy 4.8.0, pytest-textual-snapshot 1.1.0, three keys"
first="$(run --snapshot-update), files: $(files)"
again="$(run --snapshot-update), files: $(files)"
compared=$(run)
echo "  updating: $first"
echo "  again: $again"
echo "  comparing: $compared"
[ "$first" = "3 passed, files: test_key[].svg" ]
[ "$again" = "$first" ]
[ "$compared" = "2 failed, 1 passed" ]
