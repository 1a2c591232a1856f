"""Which account a signal belongs to."""

from itertools import permutations

import pytest

from compliance.selectors import list_audit_events
from contexts import selectors
from contexts.models import Account, AccountAlias
from contexts.tests.factories import make_draft, score_of, score_signals

pytestmark = pytest.mark.django_db

LINKED = ({"crm_id": "001A", "domain": "acme.example"}, {"domain": "acme.example"}, {"crm_id": "001A"})


def resolve(*references: dict[str, str]) -> None:
    for reference in references:
        score_signals(make_draft(account=reference))


class TestResolveAccounts:
    def test_references_of_one_signal_name_one_account(self):
        resolve(
            {"crm_id": "001A", "domain": "acme.example", "name": "Acme Ltd"},
            {"domain": "www.ACME.example"},
            {"name": "acme  LTD"},
        )

        account = Account.objects.get()
        assert account.name == "Acme Ltd"
        assert score_of("001A").contributions[0].signal_count == 3

    def test_a_new_reference_beside_a_known_one_is_learnt(self):
        resolve(
            {"domain": "acme.example"},
            {"domain": "acme.example", "external_id": "seg-9"},
            {"external_id": "seg-9"},
        )

        assert Account.objects.count() == 1
        assert selectors.get_account("seg-9").aliases == (
            ("domain", "acme.example"),
            ("external_id", "seg-9"),
        )

    @pytest.mark.parametrize(
        ("stronger", "weaker"),
        [("crm_id", "domain"), ("domain", "external_id"), ("external_id", "name")],
    )
    def test_the_stronger_reference_wins(self, stronger, weaker):
        resolve(
            {stronger: "one.example"},
            {weaker: "two.example"},
            {weaker: "two.example", stronger: "one.example"},
        )

        strong, weak = (
            AccountAlias.objects.get(kind=kind, value=value).account_id
            for kind, value in ((stronger, "one.example"), (weaker, "two.example"))
        )
        assert strong != weak
        counts = [
            sum(c.signal_count for c in score_of(str(account_id)).contributions)
            for account_id in (strong, weak)
        ]
        assert counts == [2, 1]

    def test_a_free_mail_domain_names_nobody(self):
        resolve({"domain": "gmail.com", "name": "Alpha"}, {"domain": "gmail.com", "name": "Beta"})

        assert Account.objects.count() == 2
        assert not AccountAlias.objects.filter(value="gmail.com").exists()

    def test_an_account_id_finds_its_account_and_an_unknown_one_makes_none(self):
        resolve({"crm_id": "001A"})
        account_id = str(selectors.get_account_id("001A"))

        resolve({"id": account_id}, {"id": "8c0c4c26-9d58-4d0d-a2c0-1b0f6a8a0a11"})

        assert Account.objects.count() == 1
        assert score_of("001A").contributions[0].signal_count == 2

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_one_batch_joins_what_shares_a_reference_in_any_order(self, order):
        score_signals(*[make_draft(account=LINKED[n]) for n in order])

        assert Account.objects.count() == 1

    @pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 0, 1)])
    def test_batches_join_what_shares_a_reference(self, order):
        resolve(*[LINKED[n] for n in order])

        assert Account.objects.count() == 1

    def test_two_crm_ids_that_share_a_domain_stay_two_accounts(self):
        shared = {"domain": "acme.example"}

        resolve({"crm_id": "001A", **shared}, {"crm_id": "001B", **shared}, shared)

        assert Account.objects.count() == 2
        assert score_of("001A").contributions[0].signal_count == 2

    def test_companies_of_one_name_with_two_domains_stay_two_accounts(self):
        resolve({"name": "Apex", "domain": "apex.example"}, {"name": "Apex", "domain": "apex.test"})

        assert Account.objects.count() == 2

    def test_a_new_account_is_audited(self):
        resolve({"crm_id": "001A"})

        [entry] = list_audit_events(name="account.created")
        assert entry.account_id == selectors.get_account_id("001A")
