"""What the demo app works on, what it says, and how it fails: words alone."""

from __future__ import annotations

from typing import Final, NamedTuple

SUMMARY: Final = (
    "Overnight the ",
    "orders feed ",
    "brought in 48,212 rows, ",
    "1.3 % more than ",
    "on the day before. ",
    "\n\nRefunds rose in two regions: ",
    "São Paulo (+9 %) ",
    "and 大阪 (+4 %). ",
    "Support saw 17 tickets ",
    "about late parcels, ",
    "most of them from ",
    "one carrier ",
    "whose tracking page ",
    "was down from 01:10 ",
    "to 03:40 UTC. ",
    "\n\nNothing needs a decision ",
    "before the morning call; ",
    "the two regions ",
    "are worth a look. ✅",
)
"""A model's answer as it comes, some letters of more than one byte in it."""

REGIONS: Final = ("emea", "apac", "latam", "北米", "nordics", "dach")
FEEDS: Final = ("orders", "refunds", "inventory", "tickets", "parcels", "ledger")

QUESTIONS: Final = (
    "Why is my parcel late?",
    "Summarise yesterday's refunds for the call at nine.",
    "请总结昨晚的订单情况",
    "返品が増えた理由を教えてください",
    "¿Cuántos pedidos fallaron anoche?",
    "Is ticket [b]#4471[/b] the same as [#4468]? 🤔",
    "Which region is worst today, and since when?",
    "total\tof\x1b[31m red \x1b[0mrows, please",
)
"""What people ask; some of it does what a terminal must not be told."""

SESSIONS: Final = (
    "nightly-etl",
    "nightly-etl",
    "nightly-etl",
    "support-bot",
    "billing-sync",
    "carrier-watch",
    "ci/main@7f3e",
)
VISITORS: Final = (
    "b0d3c1f2-visitor",
    "c4a5e6d7-visitor",
    "访客-北京",
    "guest [bold]42[/bold]",
)
MACHINES: Final = (
    ("trigger", "schedule-0200", "schedule"),
    ("trigger", "webhook-orders", "webhook"),
    ("trigger", "plugin-github", "plugin"),
    ("mcp", "mcp-desk", "app-run"),
    ("openapi", "partner-7", "app-run"),
)
"""Kind and session of end users who are none, and what triggers their runs."""

COLLEAGUES: Final = (
    ("Mira Okafor", "mira.okafor@example.com"),
    ("Jonas Lindqvist", "jonas.lindqvist@example.com"),
    ("山田 花子", "hanako.yamada@example.com"),
    ("Zoë \x1b]0;owned\x07[red]D'Angelo", "zoe.dangelo@example.com"),
)


class Mishap(NamedTuple):
    """How a run goes wrong: at which node, and what is said of it."""

    node: str
    error: str


MISHAPS: Final = (
    Mishap(
        "fetch",
        "Run failed: Node Fetch feed run failed: Request to "
        "https://feeds.example.com/v2/orders failed with status code 503",
    ),
    Mishap(
        "fetch",
        "Run failed: Reached maximum retries (3) for URL "
        "https://feeds.example.com/v2/parcels: timed out after 10.0 s",
    ),
    Mishap(
        "summarise",
        "Run failed: [openai] Rate Limit Error: Error code: 429 - {'error': "
        "{'message': 'You exceeded your current quota, please check your plan and "
        "billing details.', 'type': 'insufficient_quota', 'param': None, 'code': "
        "'insufficient_quota'}}",
    ),
    Mishap(
        "parse",
        "Run failed: Traceback (most recent call last):\n"
        '  File "/tmp/sandbox/main.py", line 41, in <module>\n'
        "    output_obj = main(**inputs_obj)\n"
        '  File "/tmp/sandbox/main.py", line 17, in main\n'
        "    total += float(row['amount'])\n"
        "ValueError: could not convert string to float: 'n/a'\n"
        "error: exit status 255",
    ),
    Mishap(
        "parse",
        "Run failed: Invalid JSON in the answer of Fetch feed: Expecting property "
        "name enclosed in double quotes: line 1 column 2 (char 1): "
        '"<html>\\n<head><title>502 Bad Gateway</title>…"',
    ),
    Mishap(
        "parse",
        "Run failed: code execution timed out after 60 s; the sandbox killed it",
    ),
    Mishap(
        "summarise",
        "Run failed: [model] 上下文长度超出限制: 131072 tokens "
        "\x1b[2J[/red] requested, 128000 allowed \u202efull\u202c",
    ),
)

NODES: Final = (
    ("start", "start", "Start"),
    ("fetch", "http-request", "Fetch feed"),
    ("parse", "code", "Parse rows"),
    ("regions", "iteration", "Each region"),
    ("summarise", "llm", "Summarise"),
    ("agent", "agent", "Check totals"),
    ("approve", "human-input", "Approve report"),
    ("report", "template-transform", "Write report"),
    ("end", "end", "End"),
)
"""A word of our own, the server's kind of node, and its title."""
