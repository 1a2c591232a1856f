"""Plant a person at the doors of staff: privacy, breaches, identity, laboratory, quarantine, queue."""

import json
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from compliance import subjects
from compliance.privacy.models import PrivacyRequest
from laboratory.contracts import ExperimentDraft
from laboratory.services import experiments
from laboratory.tests.factories import LONGER
from revctx.web.tests.people import sign_in
from signals import selectors as signals

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def type_into_staff_fields(client: Any, *, email: str, word: str) -> None:
    """Put the address where staff write to be read by staff: what names a person there is refused."""
    officer, analyst = sign_in("privacy_officer"), sign_in("admin")
    _report_breaches(client, officer, email)
    _name_accounts(client, analyst, email=email, word=word)
    _try_in_the_laboratory(client, analyst, email=email, word=word)
    _replay_quarantine(client, analyst, email=email, word=word)
    _post(
        analyst, "/integrations/sources/hostile", {"payload": json.dumps({"events": [{"note": word}]})}, 200
    )
    _post(analyst, "/logout", {"next": f"/{email}"}, 302)


def _report_breaches(client: Any, officer: Client, email: str) -> None:
    now = datetime.now(UTC)
    breach = {
        "summary": "A letter went astray", "nature": "confidentiality", "risk": "risk", "places": ["signals"],
        "recorded_until": now.isoformat(), "aware_at": now.isoformat(),
    }  # fmt: skip
    naming = breach | {"summary": f"Lost {email}"}
    _post(client, "/api/compliance/breaches", naming, 422)
    page = {name: now.strftime("%Y-%m-%dT%H:%M") for name in ("recorded_until", "aware_at")}
    _post(officer, "/privacy/breaches/new", naming | page, 422)
    made = _post(client, "/api/compliance/breaches", breach, 201).json()["id"]
    decision = {"move": "reported", "code": email[:32]}
    _post(client, f"/api/compliance/breaches/{made}/decisions", decision, 422)
    _post(officer, f"/privacy/breaches/{made}", decision, 302)  # with what is wrong on the page


def _name_accounts(client: Any, analyst: Client, *, email: str, word: str) -> None:
    pair = {"kind": "account", "merged": email, "survivor": word}
    _post(client, "/api/identity/merges", pair, 404)
    _post(client, "/api/identity/merges/preview", pair, 404)
    _post(analyst, "/identity/merge", pair, 302)  # to the list, which says that there is no such account


def _try_in_the_laboratory(client: Any, analyst: Client, *, email: str, word: str) -> None:
    name, reason, stray = {"name": f"For {email}"}, {"reason": f"Because of {email}"}, {"note": word}
    draft = ExperimentDraft(name="staff", challenger=LONGER)
    made = experiments.create_experiment(draft=draft, user_id=analyst.person.pk, now=datetime.now(UTC)).pk  # type: ignore[attr-defined]
    _post(client, "/api/laboratory/experiments", name | {"challenger": {}}, 422)
    _post(client, f"/api/laboratory/experiments/{made}/promote", reason, 422)
    _post(client, f"/api/laboratory/experiments/{made}/run", stray, 422)
    for decision in ("approve", "reject", "rollback"):
        _post(client, f"/api/laboratory/promotions/{UNKNOWN}/{decision}", stray, 422)
    _post(analyst, "/laboratory/new", name, 422)
    _post(analyst, f"/laboratory/{made}/promote", reason, 422)
    _post(analyst, f"/laboratory/promotions/{UNKNOWN}/{word.split(maxsplit=1)[0]}", {}, 404)


def _replay_quarantine(client: Any, analyst: Client, *, email: str, word: str) -> None:
    wanted = {"source": email, "reason": word}
    first = signals.list_quarantine(state="open").filter(sealed__isnull=False).first()
    assert first is not None
    _post(client, "/api/signals/quarantine/replay", wanted, 200)
    _post(client, f"/api/signals/quarantine/{first.id}/replay", {"note": email}, 200)
    _post(analyst, "/signals/quarantine", wanted, 302)
    _post(analyst, f"/signals/quarantine/{first.id}", {"move": "replay", "note": word}, 302)


def fill_privacy_forms(client: Any, *, email: str, word: str) -> None:
    """Type the person into the forms of the privacy pages, right and wrong."""
    officer = sign_in("privacy_officer")
    consent = {"email": email, "purpose": "outreach", "channel": "email", "jurisdiction": "DE"}
    _post(officer, "/privacy/consents", consent | {"notice_version": "1", "source": "form"}, 302)
    _post(officer, "/privacy/consents", consent | {"notice_version": word, "source": email}, 422)
    _post(officer, "/privacy", {"email": email}, 302)
    asked = {"type": "portability", "email": email, "jurisdiction": "DE"}
    _post(officer, "/privacy/requests/new", asked | {"jurisdiction": word}, 422)
    _post(officer, "/privacy/requests/new", asked, 302)
    subject_id = subjects.find_subject(email=email)
    _post(officer, f"/privacy/{subject_id}/revoke", {"purpose": word, "channel": email}, 400)
    made = PrivacyRequest.objects.get(type="portability").id
    decision = {"move": "verify", "code": email}
    _post(client, f"/api/privacy/requests/{made}/decisions", decision, 422)
    _post(officer, f"/privacy/requests/{made}", decision, 302)  # with what is wrong on the page
    officer.get("/audit", {"target_id": email})


def take_the_export(*, word: str) -> None:
    """Take what is held about the person to hand it over, once it is there."""
    made = PrivacyRequest.objects.get(type="access", state="complete").id
    _post(sign_in("privacy_officer"), f"/privacy/requests/{made}/export", {"as": word}, 200)


def merge_and_split(client: Any, *, email: str) -> None:
    """Merge two accounts and split them again, by the API and by the page."""
    analyst = sign_in("admin")
    pair = {"kind": "account", "merged": "canary-second", "survivor": "canary-third"}
    made = _post(client, "/api/identity/merges", pair, 201).json()["id"]
    _post(client, f"/api/identity/merges/{made}/undo", {"note": email}, 200)
    _post(analyst, "/identity/merge", pair | {"back": email}, 302)
    [again] = [
        row["id"] for row in client.get("/api/identity/merges").json()["results"] if not row["undone_at"]
    ]
    _post(analyst, f"/identity/merges/{again}/undo", {"back": email}, 302)


def use_the_admin(*, email: str, word: str) -> None:
    """Search for the person, and save the only form that lies near to them."""
    client = Client()
    client.force_login(
        User.objects.create_superuser("root"), backend="django.contrib.auth.backends.ModelBackend"
    )
    for model in ("compliance/subject", "compliance/auditlog", "signals/signal"):
        client.get(f"/admin/{model}/", {"q": email})
    signal = signals.list_signals(account="hostile-1").filter(subject_id__isnull=False).first()
    assert signal is not None
    form = "/admin/contexts/retraction/add/"
    _post(client, form, {"signal_id": email, "reason": word}, 200)  # the form again, with what is wrong
    _post(client, form, {"signal_id": str(signal.id), "reason": "mistaken", "note": word}, 302)
    _post(client, "/admin/login/?next=/admin/", {"username": email, "password": word}, 200)


def _post(client: Any, path: str, body: dict[str, Any], status: int) -> Any:
    answer = client.post(path, body)
    assert answer.status_code == status, (path, answer.status_code, answer.content)
    return answer
