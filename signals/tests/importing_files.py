"""Small files for the importer, made up here."""

from pathlib import Path

MAPPING = """
version = 1
source = "deals"
format = "csv"
date_format = "%d-%m-%y"
century = 2000
key = "deal"

[account]
name = "company"

[values]
state = ["Open", "Talking", "Won", "Lost"]

[codes.article]
"Big Box" = "big_box"

[decide.article]
"BigBox" = "the price list has 'Big Box' only"

[[signals]]
event = "engaged"
type = "opportunity_created"
occurred_at = "started"
[signals.attributes]
stage = { code = "engaging" }
product = { spelling = "article" }

[[signals]]
event = "closed"
when = { state = "Won" }
type = "opportunity_won"
occurred_at = "ended"
[signals.attributes]
value = { number = "price" }

[[signals]]
event = "closed"
when = { state = "Lost" }
type = "opportunity_lost"
occurred_at = "ended"
"""

HEADER = "deal,company,article,seller,state,started,ended,price\n"
ROWS = [
    "D1,Kite Works,Big Box,Jo Lee,Won,03-02-17,09-05-17,120.50\n",  # line 2: two signals
    "D2,Kite Works,BigBox,Jo Lee,Lost,04-02-17,10-05-17,0\n",  # 3: two, a spelling to decide
    "D3,,Big Box,Jo Lee,Talking,05-02-17,,\n",  # 4: names no account
    "D4,,Big Box,Jo Lee,Open,,,\n",  # 5: neither account nor start
    "D5,Moon Bakery,Big Box,Jo Lee,Open,,,\n",  # 6: no start
    "D6,Moon Bakery,Odd Thing,Jo Lee,Talking,07-02-17,,\n",  # 7: one, an unknown spelling
    "D7,Moon Bakery,Big Box,Jo Lee,Dreaming,07-02-17,,\n",  # 8: unknown state
    "D8,Moon Bakery,Big Box,Jo Lee,Won,31-02-17,09-05-17,5\n",  # 9: start is no date; still won
    "D9,Moon Bakery,Big Box,Jo Lee,Won,01-02-17,09-05-17,much\n",  # 10: price is no number; still created
    "D10,jane@moon.test,Big Box,Jo Lee,Talking,01-02-17,,\n",  # 11: an address as account
    "D11,Moon Bakery,Big Box,Jo Lee,Talking,01-02-99,,\n",  # 12: in the future
    "D12,Moon Bakery,Big Box\n",  # 13: too few columns
    ",Moon Bakery,Big Box,Jo Lee,Talking,01-02-17,,\n",  # 14: no key
]
# line → what the report says of it
EXPECTED_REPORT = [
    ("3", "noted", "decide_article"),
    ("4", "not_imported", "missing_account"),
    ("5", "not_imported", "missing_account"),
    ("5", "not_imported", "missing_started"),
    ("6", "not_imported", "missing_started"),
    ("7", "noted", "unmapped_article"),
    ("8", "not_imported", "unknown_state"),
    ("9", "partly_imported", "invalid_started"),
    ("10", "partly_imported", "invalid_price"),
    ("11", "not_imported", "invalid_account"),
    ("12", "not_imported", "in_the_future"),
    ("13", "not_imported", "wrong_number_of_columns"),
    ("14", "not_imported", "missing_deal"),
]


def write_mapping(folder: Path, text: str = MAPPING) -> Path:
    path = folder / "deals.toml"
    path.write_text(text, encoding="utf-8")
    return path


def write_rows(folder: Path, rows: list[str] | None = None, name: str = "deals.csv") -> Path:
    path = folder / name
    path.write_text(HEADER + "".join(ROWS if rows is None else rows), encoding="utf-8")
    return path


def write_many(folder: Path, count: int) -> Path:
    """Write deals that were both opened and won: two signals each."""
    rows = [f"M{n},Company {n % 40},Big Box,Jo Lee,Won,03-02-17,09-05-17,{n}\n" for n in range(count)]
    return write_rows(folder, rows, "many.csv")
