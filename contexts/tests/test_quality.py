"""Quality of what is known."""

from datetime import UTC, datetime, timedelta

import pytest

from contexts.quality import FIELDS, best_missing, measure_quality

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def told(value="x", source="crm", days=0.0):
    return [{"source": source, "at": (NOW - timedelta(days=days)).isoformat(), "value": value}]


class TestMeasureQuality:
    def test_nothing_known_is_zero(self):
        assert measure_quality({}, now=NOW).score == 0.0

    def test_everything_fresh_and_confirmed_is_one(self):
        sources = {name: told() + told(source="clearbit") for name in FIELDS}

        assert measure_quality(sources, now=NOW).score == pytest.approx(1.0)

    def test_age_lowers_freshness_by_half_lives(self):
        half_life = FIELDS["employees"].half_life_days

        fresh = measure_quality({"employees": told()}, now=NOW).freshness
        aged = measure_quality({"employees": told(days=half_life)}, now=NOW).freshness

        assert aged == pytest.approx(fresh / 2)

    def test_contradiction_lowers_consistency(self):
        contradicted = {"industry": told("retail") + told("mining", source="clearbit")}

        assert measure_quality(contradicted, now=NOW).consistency == 0.5


class TestBestMissing:
    def test_names_the_unknown_attribute_of_most_gain(self):
        name, gain = best_missing({"industry": told()}, now=NOW)

        after = measure_quality({"industry": told(), "employees": told()}, now=NOW).score
        assert name == "employees"
        assert gain == pytest.approx(after - measure_quality({"industry": told()}, now=NOW).score)

    def test_is_none_when_all_is_known(self):
        assert best_missing({name: told() for name in FIELDS}, now=NOW) == (None, 0.0)
