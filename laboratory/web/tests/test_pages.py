"""The laboratory pages, from the form to a decided promotion."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from contexts.selectors import get_account, get_active_configs
from laboratory import selectors
from laboratory.tests.factories import make_history, work_off
from revctx.web.tests.markup import check_page
from revctx.web.tests.people import sign_in

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])
LONGER = {
    "name": "longer memory",
    "half_life.demo_requested": "60",
    "half_life.meeting_booked": "60",
    "half_life.trial_started": "60",
}


def create(client, **values):
    response = client.post("/laboratory/new", LONGER | values)
    return response, selectors.list_experiments().first()


class TestForm:
    def test_shows_todays_numbers(self):
        response = sign_in("lab_scientist").get("/laboratory/new")

        assert "New half-life of Demo requested, days" in response.content.decode()
        check_page(response)

    @pytest.mark.parametrize(
        "wrong",
        [{"name": " "}, {"half_life.page_view": "-1"}, {"weight.page_view": "nan"}, {"hot_threshold": "x"}],
    )
    def test_shows_what_is_wrong_and_keeps_what_was_typed(self, wrong):
        response, experiment = create(sign_in("lab_scientist"), **wrong)

        assert (response.status_code, experiment) == (422, None)
        assert 'value="60"' in response.content.decode()
        check_page(response)

    def test_a_reader_may_not_create(self):
        response, experiment = create(sign_in("reviewer"))

        assert (response.status_code, experiment) == (403, None)


class TestExperiment:
    def test_goes_from_form_to_production_and_back_with_two_people(self):
        now = datetime.now(UTC)
        make_history(now=now)
        scientist, approver = sign_in("lab_scientist"), sign_in("approver")
        response, experiment = create(scientist)
        path = f"/laboratory/{experiment.pk}"
        assert response["Location"] == path
        waiting = scientist.get(path)
        assert "Waiting for a laboratory worker" in waiting.content.decode()
        check_page(waiting)
        work_off(now=datetime.now(UTC))

        compared = scientist.get(path)
        page = compared.content.decode()
        assert "Not enough evidence" in page
        assert "1 gained" in page
        assert "Half-life: demo requested" in page
        assert selectors.find_done_run(experiment.pk).metrics["reasons"][0] not in page
        check_page(compared)
        [flip] = compared.context["metrics"]["flips"]["accounts"]
        assert get_account(UUID(flip["account_id"])).name in page

        before = get_active_configs()[0].version
        scientist.post(f"{path}/promote", {"reason": "fewer misses"})
        promotion = selectors.list_promotions(experiment.pk).first()
        check_page(approver.get(path))
        approved = approver.post(f"/laboratory/promotions/{promotion.pk}/approve", follow=True)
        assert "Production uses the challenger now." in approved.content.decode()
        assert get_active_configs()[0].version != before
        assert all(one.person.username in approved.content.decode() for one in (scientist, approver))
        check_page(approved)

        approver.post(f"/laboratory/promotions/{promotion.pk}/roll-back")
        assert get_active_configs()[0].version == before

    def test_nobody_approves_their_own_proposal(self):
        make_history(now=datetime.now(UTC))
        client = sign_in("lab_scientist", "approver")
        _, experiment = create(client)
        work_off(now=datetime.now(UTC))
        client.post(f"/laboratory/{experiment.pk}/promote", {"reason": ""})
        promotion = selectors.list_promotions(experiment.pk).first()

        response = client.post(f"/laboratory/promotions/{promotion.pk}/approve")

        assert response.status_code == 403
        assert "Somebody else than the proposer must approve. Production was not changed." in (
            response.content.decode()
        )
        check_page(response)

    def test_what_has_not_run_cannot_be_proposed(self):
        client = sign_in("lab_scientist")
        _, experiment = create(client)

        response = client.post(f"/laboratory/{experiment.pk}/promote")

        assert response.status_code == 409
        check_page(response)

    def test_an_unknown_one_is_a_404(self):
        client = sign_in("approver")
        unknown = "0194f3a2-0000-7000-8000-000000000000"

        assert client.get(f"/laboratory/{unknown}").status_code == 404
        assert client.post(f"/laboratory/promotions/{unknown}/approve").status_code == 404

    def test_the_list_shows_the_verdict(self, django_assert_max_num_queries):
        make_history(now=datetime.now(UTC))
        client = sign_in("lab_scientist")
        create(client)
        work_off(now=datetime.now(UTC))

        with django_assert_max_num_queries(8):
            response = client.get("/laboratory")

        assert "Not enough evidence" in response.content.decode()
        check_page(response)
