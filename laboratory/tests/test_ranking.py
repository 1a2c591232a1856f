"""Rankings as of past instants: nothing looks ahead, and the product's score is the product's."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from contexts import selectors as contexts_selectors
from contexts.scoring import DecayConfigData, WeightConfigData
from laboratory.ranking import PastSignal, Setup, rank_accounts, score_accounts, separate_outcomes
from laboratory.source import read_histories
from laboratory.tests.configs import DAY, make_config
from laboratory.tests.factories import make_draft, store_history

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make_setup(**changes) -> Setup:
    config = make_config()
    fields = {
        "decay": DecayConfigData.from_dict(config["decay"]),
        "weight": WeightConfigData.from_dict(config["weight"] | {"default_weight": 10.0}),
        "top": 1,
        "seed": 1,
        "resamples": 20,
    }
    return Setup(**fields | changes)


def make_signal(days: float, type: str = "opportunity_created", value: float = 0.0) -> PastSignal:
    return PastSignal(type, "", "", NOON + timedelta(days=days), 1.0, value)


class TestAsOf:
    def test_what_comes_later_changes_no_score(self):
        past = [make_signal(-40), make_signal(-3)]
        later = [*past, make_signal(0.001, "opportunity_won", 9.0), make_signal(2)]

        before = score_accounts({"a": past}, at=NOON, setup=make_setup())
        after = score_accounts({"a": later, "unborn": later[2:]}, at=NOON, setup=make_setup())

        assert before == after
        assert before["a"]["count"] == 1.0
        assert before["a"]["product"] > 0

    def test_linear_decay_is_halved_after_a_half_life_and_gone_after_two(self):
        setup = make_setup()
        half_life = setup.decay.half_life_micros("opportunity_created") / 1e6 / DAY
        full, half, gone = (
            score_accounts({"a": [make_signal(-age)]}, at=NOON, setup=setup)["a"]["linear"]
            for age in (0, half_life, 2 * half_life)
        )

        assert (half, gone) == (pytest.approx(full / 2), 0.0)
        assert full == pytest.approx(setup.weight.weight("opportunity_created"))

    def test_deals_count_when_won_after_the_instant_and_up_to_the_end(self):
        won = [make_signal(days, "opportunity_won", 10.0) for days in (-1, 0, 1, 5, 6)]
        quiet = [make_signal(-30)]

        found = rank_accounts(
            {"winner": won, "quiet": quiet}, as_of=NOON, until=NOON + timedelta(days=5), setup=make_setup()
        )

        assert (found.accounts, found.deals, found.value) == (2, 2, 20.0)
        assert found.numbers["lift.deals.count"].estimate == pytest.approx(2.0)
        assert found.numbers["tau.deals.product-linear"].estimate == pytest.approx(0.0)


class TestOutcomes:
    def test_a_closing_and_all_of_its_instant_are_no_part_of_its_own_score(self):
        """Were they counted, the one that was won would outscore the one that was lost."""
        opened = make_signal(-5)
        closed = [make_signal(0, kind, 5.0) for kind in ("opportunity_won", "opportunity_won")]
        lost = [make_signal(0, "opportunity_lost"), make_signal(0)]

        found = separate_outcomes(
            {"won": [opened, *closed], "lost": [opened, *lost]}, setup=make_setup(resamples=5)
        )

        assert (found.won, found.lost) == (2, 1)
        assert all(found.numbers[f"auc.{name}"].estimate == 0.5 for name in ("product", "count", "linear"))

    def test_a_deal_of_an_account_unknown_till_then_is_left_out(self):
        found = separate_outcomes({"new": [make_signal(0, "opportunity_won")]}, setup=make_setup(resamples=5))

        assert (found.won, found.lost, found.accounts) == (0, 0, 0)


@pytest.mark.django_db(transaction=True, databases=["default", "lab"])
class TestCommand:
    def test_it_ranks_stored_signals_by_the_product_s_own_score(self, capsys):
        now = datetime.now(UTC).replace(microsecond=0)
        as_of = now - timedelta(days=20)
        won = {"type": "opportunity_won", "attributes": {"stage": "closed_won", "value": 700}}
        drafts = [
            *(
                make_draft("busy", now - timedelta(days=days), type="opportunity_created")
                for days in (60, 25, 22)
            ),
            make_draft("quiet", now - timedelta(days=50), type="content_download"),
            make_draft("busy", now - timedelta(days=12), **won),
            make_draft("elsewhere", now - timedelta(days=30), source="other"),
        ]
        store_history(drafts, now=now)

        call_command(
            "evaluate_ranking", "--as-of", as_of.isoformat(), "--source", "test", "--json",
            "--horizon-days", "15", "--top", "1", "--resamples", "10",
        )  # fmt: skip

        found = json.loads(capsys.readouterr().out)
        [ranking] = found["rankings"]
        assert (ranking["accounts"], ranking["deals"], ranking["value"]) == (2, 1, 700.0)
        assert ranking["numbers"]["tau.value.product"][0] == pytest.approx(1.0)
        assert ranking["numbers"]["lift.deals.product"][0] == pytest.approx(2.0)
        assert (found["outcomes"]["won"], found["outcomes"]["lost"]) == (1, 0)
        assert found["outcomes"]["numbers"]["auc.product"] == [None, None, None]

        call_command("evaluate_ranking", "--as-of", as_of.isoformat(), "--resamples", "5", "--undamped")
        printed = capsys.readouterr().out
        assert "3 accounts, 1 deals worth 700." in printed
        assert "| lift of the top, value won |" in printed

        decay, weight = contexts_selectors.get_active_configs()
        histories = read_histories(decay_version=decay.version, source="", value="value")
        ours = score_accounts(histories, at=as_of, setup=make_setup(decay=decay, weight=weight))
        assert len(ours) == 3
        for account_id, scores in ours.items():
            product = contexts_selectors.get_score(account_id=UUID(account_id), as_of=as_of)
            assert scores["product"] == product.intent > 0
        assert connections["lab"].settings_dict["USER"] == "revctx_lab"

    @pytest.mark.parametrize("as_of", ["yesterday", "2017-03-31..2017-03-30", "2017-03-31"])
    def test_what_can_not_be_ranked_is_refused(self, as_of):
        with pytest.raises(CommandError):
            call_command("evaluate_ranking", "--as-of", as_of)
