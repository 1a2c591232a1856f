"""Every pair of tokens that carries text or a boundary meets WCAG 2.2 AA, light and dark."""

import re

import pytest
from django.conf import settings

TOKENS = settings.BASE_DIR / "templates" / "static" / "css" / "tokens.css"
GROUNDS = ("bg", "surface", "sunken")
TEXT = [(ink, ground) for ink in ("ink", "ink-2", "ink-3", "accent-text") for ground in GROUNDS]
TEXT += [(tone, f"{tone}-soft") for tone in ("hot", "warm", "cool", "good", "bad")]
TEXT += [(tone, ground) for tone in ("hot", "warm", "cool", "good", "bad") for ground in ("bg", "surface")]
TEXT += [
    ("accent-ink", "accent"),
    ("accent-ink", "accent-hover"),
    ("bad-ink", "bad"),
    ("bad-ink", "bad-hover"),
]
TEXT += [(ink, "accent-soft") for ink in ("ink", "ink-2", "accent-text", "hot", "warm", "bad", "cool")]
BOUNDARIES = [("line-control", ground) for ground in GROUNDS] + [("accent", ground) for ground in GROUNDS]
BOUNDARIES += [("ink-3", "surface"), ("hot", "surface"), ("accent", "accent-soft")]


def read_schemes() -> dict[str, dict[str, str]]:
    light, dark = TOKENS.read_text().split("@media (prefers-color-scheme: dark)")
    colours = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part)) for part in (light, dark)]
    return {"light": colours[0], "dark": colours[0] | colours[1]}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


SCHEMES = read_schemes()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("ink", "ground"), TEXT)
def test_text_can_be_read(scheme, ink, ground):
    colours = SCHEMES[scheme]

    assert contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("line", "ground"), BOUNDARIES)
def test_boundaries_can_be_seen(scheme, line, ground):
    colours = SCHEMES[scheme]

    assert contrast(colours[line], colours[ground]) >= 3


def test_both_schemes_name_the_same_colours():
    light, dark = TOKENS.read_text().split("@media (prefers-color-scheme: dark)")

    names = [set(re.findall(r"--([\w-]+): #", part)) for part in (light, dark)]

    assert names[0] == names[1]


def test_black_on_white_is_known():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
