"""The queue in a real browser: everything by keyboard, and nothing that the policy forbids."""

from datetime import UTC, datetime

import pytest

from orchestration.selectors import get_action_detail
from orchestration.web.tests.factories import make_action
from revctx.web.tests.people import make_person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def state_of(action):
    return get_action_detail(action_id=action.id, viewer=0, now=datetime.now(UTC)).state


def test_a_reviewer_reads_approves_and_undoes_by_keyboard(open_page):
    action = make_action()
    page = open_page("/approvals", make_person("approver"))

    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    sentence = page.locator(".sentence").first
    sentence.focus()
    assert page.locator(".evidence > li.on").count() >= 1
    page.keyboard.press("a")
    page.wait_for_selector("text=Approved: Northwind Traders.")
    assert state_of(action) == "approved"

    page.keyboard.press("u")
    page.wait_for_selector("text=Approve a >> visible=true", timeout=5000)
    assert state_of(action) == "pending"
    assert page.complaints == []


def test_keys_move_between_drafts_and_reject_by_digit(open_page):
    first, second = make_action(), make_action(crm_id="another-account")
    page = open_page("/approvals", make_person("approver"))
    shown = page.locator("#detail").get_attribute("aria-label")

    page.keyboard.press("j")
    page.wait_for_function("shown => document.querySelector('#detail').ariaLabel !== shown", arg=shown)
    page.keyboard.press("r")
    page.keyboard.press("3")
    with page.expect_navigation():
        page.keyboard.press("Enter")

    assert sorted([state_of(first), state_of(second)]) == ["pending", "rejected"]
    assert page.complaints == []


@pytest.mark.parametrize("path", ["/", "/approvals", "/accounts", "/accounts/test-account-001", "/signals"])
def test_a_telephone_shows_every_page_without_scrolling_sideways(open_page, path):
    make_action()
    page = open_page("/login", make_person("admin"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(page.url.rsplit("/", 1)[0] + path)
    page.wait_for_load_state("networkidle")

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = page.evaluate(
        """() => [...document.querySelectorAll("a.button, button, input:not([type=hidden]), select, summary")]
            .filter((element) => element.checkVisibility())
            .map((element) => [element.outerHTML.slice(0, 60), element.getBoundingClientRect()])
            .filter(([, box]) => box.width > 0 && box.width < 24 || box.height > 0 && box.height < 24)
            .map(([html]) => html)"""
    )
    assert small == []
    assert page.complaints == []


def test_the_browser_enforces_the_policy(open_page):
    page = open_page("/", make_person("reviewer"))

    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.wait_for_timeout(100)

    assert any("Content Security Policy" in complaint for complaint in page.complaints)
