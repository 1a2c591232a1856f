"""How long the hot band holds, and how long it stays shut."""

from dataclasses import replace
from datetime import timedelta

import pytest

from contexts.bands import choose_band, last_moment
from contexts.tests.scoring_numbers import WEIGHT
from contexts.tests.test_scoring import NOON

HELD = replace(WEIGHT, dwell_seconds=600, cool_down_seconds=3_600)


@pytest.mark.parametrize(
    ("previous", "exact", "held_seconds", "is_damped", "band"),
    [
        ("hot", 10.0, 599, False, "hot"),
        ("hot", 10.0, 600, False, "cold"),
        ("hot", 10.0, 599, True, "cold"),
        ("hot", 10.0, None, False, "cold"),
        ("warm", 90.0, 3_599, False, "warm"),
        ("cold", 90.0, 3_599, True, "warm"),
        ("warm", 90.0, 3_600, False, "hot"),
        ("warm", 90.0, None, False, "hot"),
        ("warm", 10.0, 5, False, "cold"),
    ],
)
def test_dwell_and_cool_down(previous, exact, held_seconds, is_damped, band):
    chosen = choose_band(
        previous=previous, exact=exact, weight=HELD, held_seconds=held_seconds, is_damped=is_damped
    )

    assert chosen == band


@pytest.mark.parametrize(
    ("falls_in", "is_damped", "until"),
    [(60, False, 600), (900, False, 900), (60, True, 60), (None, True, None)],
)
def test_a_hot_account_stays_until_score_and_dwell_let_it_go(falls_in, is_damped, until):
    falls_below = None if falls_in is None else NOON + timedelta(seconds=falls_in)

    moment = last_moment(falls_below=falls_below, entered_at=NOON, is_damped=is_damped, weight=HELD)

    assert moment == (None if until is None else NOON + timedelta(seconds=until))


def test_a_warm_threshold_above_the_hot_one_is_refused():
    with pytest.raises(ValueError, match="warm threshold"):
        replace(WEIGHT, hot_threshold=30.0)
