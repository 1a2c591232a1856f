"""What an attacker, a broken proxy or a careless integration sends to the doors that take events in."""

import contextlib
import json
import time
from datetime import UTC, datetime
from itertools import islice

import pytest
from django.contrib.auth.models import User

from orchestration.tests.stories import run_engines
from revctx.api.errors import BadRequest
from revctx.api.parsing import parse_json
from revctx.api.tokens import issue_token
from revctx.tests.database import number, rows
from revctx.tests.fuzzing import caught_errors
from revctx.tests.hostile_doors import UNREADABLE, make_doors, make_source, odd_documents, open_doors

NAMES = ("signals", "batch", "lines", "salesforce", "hubspot", "segment", "generic")
VENDORS = ("salesforce", "hubspot", "segment", "generic")
EVERY = 61  # of the odd documents, in the short form; prime to the number of odd values


@pytest.fixture
def doors(transactional_db):
    """The doors, each with its secret; committed rows, for single posts share a commit only then."""
    user = User.objects.create_user("hostile")
    token = issue_token(user=user, label="test", scopes=["signals:write"], now=datetime.now(UTC))
    make_source()
    with open_doors():
        yield make_doors(token)


def count_stored():
    return number("SELECT (SELECT count(*) FROM signals) + (SELECT count(*) FROM signal_quarantine)")


def assert_no_errors(errors):
    assert not errors, f"{len(errors)} errors, among them:\n" + "\n\n".join(sorted(set(errors), key=len)[:5])


@pytest.mark.parametrize("name", NAMES)
def test_what_can_not_be_read_is_refused_and_nothing_is_stored(doors, name):
    door = doors[name]
    answers = {}
    for what, raw in UNREADABLE.items():
        response = door.post(raw)
        answers[what] = response.status_code
        if name == "lines" and response.status_code == 207:  # each line stands alone
            assert response.json()["accepted"] == 0
            assert response.json()["rejected"]
            answers[what] = 400
    too_large = door.post(b'{"a": "' + b"x" * door.limit + b'"}')

    assert answers == dict.fromkeys(UNREADABLE, 400)
    assert too_large.status_code == 413
    assert count_stored() == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "-", "a" * 5000],
)
def test_another_content_type_is_refused(doors, name, content_type):
    door = doors[name]

    response = door.post(door.print(door.sample), content_type=content_type)

    assert response.status_code == 415
    assert count_stored() == 0


@pytest.mark.parametrize("name", VENDORS)
def test_a_signature_that_does_not_fit_is_refused_and_nothing_is_stored(doors, name):
    door, now = doors[name], time.time()
    raw = door.print(door.sample)
    good = door.sign(raw, now)
    changed = raw.replace(b"hostile", b"friendly")
    tries = {
        "none": {},
        "of another body": door.sign(changed, now),
        "re-serialised": door.sign(json.dumps(door.sample, indent=1).encode(), now),
        "not ASCII": dict.fromkeys(good, "ÿþ"),
        "empty": dict.fromkeys(good, ""),
        "very long": dict.fromkeys(good, "v1," + "A" * 50_000),
        "cut off": {header: value[:-3] for header, value in good.items()},
    }
    if name != "segment":  # its signature covers no time
        tries |= {"stale": door.sign(raw, now - 301), "from the future": door.sign(raw, now + 330)}

    statuses = {what: door.post(raw, headers).status_code for what, headers in tries.items()}

    assert statuses == dict.fromkeys(tries, 401)
    assert count_stored() == 0
    assert door.post(raw, good).status_code == 202


@pytest.mark.parametrize("name", VENDORS)
def test_a_replayed_request_stores_nothing_more(doors, name):
    door = doors[name]
    raw = door.print(door.sample)
    headers = door.sign(raw, time.time())

    first, stored = door.post(raw, headers).json(), count_stored()
    again = door.post(raw, headers).json()

    assert {item["status"] for item in first["signals"]} == {"accepted"}
    assert {item["status"] for item in again["signals"]} == {"duplicate"}
    assert count_stored() == stored + len(again["quarantined"])


@pytest.mark.parametrize("name", NAMES)
def test_odd_values_are_no_error_of_ours_and_what_is_taken_can_be_worked_off(doors, name):
    send_odd_documents(doors[name], EVERY)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", NAMES)
def test_every_odd_value_in_every_place(doors, name):
    print(f"{name}: {send_odd_documents(doors[name], 1)} cases")


def send_odd_documents(door, every):
    """Send every n-th odd document, let the engines work off what was taken; return how many were sent."""
    sent, refused = 0, {}
    with caught_errors() as errors:
        for document in islice(odd_documents(door.sample), 0, None, every):
            raw = door.print(document) if door.name != "lines" or isinstance(document, list) else b"{}"
            response = door.post(raw)
            sent += 1
            if response.status_code not in ({202, 400} if door.is_vendor else {202, 207, 400, 422}):
                refused[raw[:300]] = response.status_code
    assert_no_errors(errors)
    assert not refused
    run_engines()
    assert rows("SELECT last_error, count(*) FROM work_items WHERE attempts > 0 GROUP BY 1") == []
    return sent


def test_a_batch_of_one_too_many_is_refused_as_a_whole(doors):
    many = [{"line": number} for number in range(1_001)]
    for name in ("batch", "lines"):
        response = doors[name].post(doors[name].print(many))
        assert (response.status_code, response.json()["error"]["code"]) == (413, "too_many_signals")
    assert doors["lines"].post(b"1\n" * 1_000).status_code == 207


@pytest.mark.parametrize(
    "raw",
    [
        b'"' + rb"\"" * 131_000,
        b'"' + rb"\"" * 131_000 + b"\\",
        b'["' * 87_000,
        b'{"a":"' * 43_000,
        b"[" * 262_000,
        b'"\\' * 131_000,
        b"9" * 262_000,
        b"-" * 262_000,
        b"{" + b",".join(b'"%d":1' % n for n in range(25_000)) + b"}",
    ],
    ids=range(9),
)
def test_no_body_takes_long_to_read(raw):
    began = time.process_time()
    with contextlib.suppress(BadRequest):
        parse_json(raw)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("line", [b"1", b"[]", b"x"])
def test_no_batch_of_lines_takes_long_to_refuse(doors, line):
    raw = (line + b"\n") * (5 * 1024 * 1024 // (len(line) + 1))
    began = time.process_time()

    response = doors["lines"].post(raw)

    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_many_signals")
    assert time.process_time() - began < 2
