"""Estimate offline how many tokens a model will count. Pure: no vocabulary, no network.

Byte-pair vocabularies hold common words whole, cut longer ones into pieces of about four letters, and digits
into groups of three; ids and codes fall into pieces of one or two characters. Counting the runs of one kind
of character so comes out above what a model counts for JSON, which is the side to err on for a budget.
"""

import re

_RUNS = re.compile(r"(?P<letters>[A-Za-z]+)|(?P<digits>[0-9]+)|(?P<space>\s+)|(?P<other>.)", re.DOTALL)
LETTERS, DIGITS = 4, 3  # characters a token


def estimate_tokens(text: str) -> int:
    """Return the estimate; texts that meet at punctuation add up exactly."""
    return sum(_cost(match) for match in _RUNS.finditer(text))


def _cost(match: re.Match[str]) -> int:
    run = match.group()
    if match.lastgroup == "letters":
        return -(-len(run) // LETTERS)
    if match.lastgroup == "digits":
        return -(-len(run) // DIGITS)
    if match.lastgroup == "space":
        return 0 if run == " " else 1  # a single one belongs to the word behind it
    return 1 if run.isascii() else len(run.encode())
