"""Geometry of the charts."""

from datetime import UTC, datetime, timedelta

import pytest

from revctx.web import charts
from revctx.web.templatetags import revctx_ui

START = datetime(2026, 6, 1, tzinfo=UTC)


def points(*scores):
    return [(START + timedelta(days=number), score) for number, score in enumerate(scores)]


class TestLine:
    def test_places_scores_downwards_and_evenly(self):
        line = charts.draw_line(points(0, 100, 50), threshold=70, low=0, high=100)

        assert line.path == "M0.00 100.00L50.00 0.00L100.00 50.00"
        assert (line.end_x, line.end_y, line.threshold_y) == (100, 50, 30)

    @pytest.mark.parametrize("history", [[], points(5)])
    def test_one_point_is_no_line(self, history):
        assert charts.draw_line(history, threshold=None, low=0, high=100) is None

    def test_points_of_one_instant_do_not_divide_by_zero(self):
        assert charts.draw_line([(START, 1), (START, 2)], threshold=None, low=0, high=10)

    def test_the_range_of_a_flat_line_has_a_height(self):
        low, high = charts.fit_range(points(0, 0), threshold=None)

        assert low < high


class TestWhisker:
    def test_zero_stands_in_the_middle(self):
        place = charts.draw_whisker(-1, 0, 1, span=2)

        assert (place.low, place.middle, place.high, place.zero) == (25, 50, 75, 50)

    def test_all_zero_still_has_an_axis(self):
        assert charts.widest([0, 0, 0]) > 0


class TestWords:
    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (-4, "0 s"),
            (59, "59 s"),
            (60, "1 m"),
            (4200, "1 h 10 m"),
            (7 * 3600 + 60, "7 h"),
            (172_800, "2 d"),
        ],
    )
    def test_durations(self, seconds, words):
        assert revctx_ui.say_duration(seconds) == words

    def test_a_score_never_claims_the_threshold_too_early(self):
        assert revctx_ui.score(69.99) == "69"

    def test_times_are_relative_under_a_week_and_exact_in_the_element(self):
        text = revctx_ui.when(START, START + timedelta(hours=3))

        assert (
            text
            == '<time datetime="2026-06-01T00:00:00Z" title="Mon 1 Jun 2026, 00:00:00 UTC">3 h ago</time>'
        )
        assert ">1 Jun 2026<" in revctx_ui.when(START, START + timedelta(days=8))

    def test_time_left_turns_amber_then_red(self):
        end = START + timedelta(hours=10)

        tones = [revctx_ui.time_left(end, START + timedelta(hours=hour), START)[:24] for hour in (4, 6, 9)]

        assert [("soon" in tone, "late" in tone) for tone in tones] == [
            (False, False),
            (True, False),
            (False, True),
        ]

    @pytest.mark.parametrize(
        ("value", "name", "said"),
        [
            ("de", "country", "DE"),
            ("united_states", "country", "United States"),
            (230580000, "annual_revenue", "230,580,000"),
            (["kafka", "big_query"], "technologies", "Kafka, Big query"),
        ],
    )
    def test_facts_are_said_as_people_say_them(self, value, name, said):
        assert revctx_ui.fact(value, name) == said
