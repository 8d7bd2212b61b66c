"""How long the tests of the desk wait for it to come to rest."""

from __future__ import annotations

import textual._wait

# Textual calls a process idle that has slept for 20 ms, and asks at every key: half
# of the time these tests take. Half as long a rest says as much.
textual._wait.SLEEP_GRANULARITY = 1 / 100
textual._wait.SLEEP_IDLE = 1 / 1000
