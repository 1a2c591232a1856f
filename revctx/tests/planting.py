"""Plant a word in every field of every way in, and tell which ways it did not go."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote_plus

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, resolve

WRITING = ("post", "put", "patch", "delete")

IDS_ONLY = "takes ids of ours, versions and fixed codes, no text"
# Every way in that the word is not planted in, with the reason why no person can come in there.
WITHOUT_PERSON = {
    "POST api/signals/quarantine/replay": IDS_ONLY,
    "POST api/signals/quarantine/<uuid:payload_id>/replay": IDS_ONLY,
    "POST api/identity/merges/<uuid:merge_id>/undo": IDS_ONLY,
    "POST api/identity/candidates/<uuid:candidate_id>/dismiss": IDS_ONLY,
    "POST api/actions/<uuid:action_id>/claim": IDS_ONLY,
    "POST api/actions/<uuid:action_id>/release": IDS_ONLY,
    "POST api/actions/<uuid:action_id>/undo": IDS_ONLY,
    "POST api/consent/confirm/<str:token>": "a signed token that names a statement by its id",
    "POST api/privacy/requests/<uuid:request_id>/decisions": IDS_ONLY,
    "POST api/compliance/breaches/<uuid:breach_id>/decisions": IDS_ONLY,
    "POST api/compliance/breaches/<uuid:breach_id>/affected": IDS_ONLY,
    "POST api/audit/verify": IDS_ONLY,
    "POST api/laboratory/experiments/<uuid:experiment_id>/run": IDS_ONLY,
    "POST api/laboratory/promotions/<uuid:promotion_id>/approve": IDS_ONLY,
    "POST api/laboratory/promotions/<uuid:promotion_id>/reject": IDS_ONLY,
    "POST api/laboratory/promotions/<uuid:promotion_id>/rollback": IDS_ONLY,
    "POST logout": IDS_ONLY,
    "POST signals/quarantine": IDS_ONLY,
    "POST signals/quarantine/<uuid:payload_id>": IDS_ONLY,
    "POST identity/merges/<uuid:merge_id>/undo": IDS_ONLY,
    "POST identity/candidates/<uuid:candidate_id>/dismiss": IDS_ONLY,
    "POST approvals/<uuid:action_id>/undo": IDS_ONLY,
    "POST approvals/<uuid:action_id>/claim": IDS_ONLY,
    "POST privacy/requests/<uuid:request_id>": IDS_ONLY,
    "POST privacy/requests/<uuid:request_id>/export": IDS_ONLY,
    "POST privacy/breaches/<uuid:breach_id>": IDS_ONLY,
    "POST privacy/breaches/<uuid:breach_id>/affected": IDS_ONLY,
    "POST privacy/<uuid:subject_id>/revoke": IDS_ONLY,
    "POST audit/verifications": IDS_ONLY,
    "POST laboratory/<uuid:experiment_id>/run": IDS_ONLY,
    "POST laboratory/promotions/<uuid:promotion_id>/<str:decision>": IDS_ONLY,
}

SETTINGS = "settings of the product, written by its administrators"
# The admin's forms that can be saved.
ADMIN_FORMS = {
    "auth.User": "staff, not the persons that signals are about",
    "axes.AccessAttempt": "kept by the sign-in page, which is planted",
    "axes.AccessFailureLog": "kept by the sign-in page, which is planted",
    "axes.AccessLog": "kept by the sign-in page, which is planted",
    "contexts.Retraction": "planted; the id of a signal and a fixed code",
    "eventbus.WorkItem": "ids of ours",
    **dict.fromkeys(
        (
            "auth.Group", "compliance.ConsentPolicy", "compliance.RetentionSchedule", "contexts.DecayConfig",
            "contexts.IcpDefinition", "contexts.WeightConfig", "integrations.EnrichmentProvider",
            "integrations.MappedSource", "signals.SignalCode", "signals.SignalType",
        ),
        SETTINGS,
    ),
}  # fmt: skip


class Recorder:
    """Middleware that notes through which way in the word came, and what was answered."""

    word = ""
    answers: dict[str, set[int]] = {}

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Stand before the rest."""
        self.get_response = get_response

    @classmethod
    def begin(cls, word: str) -> None:
        """Forget what was noted, and look for a word."""
        cls.word, cls.answers = word, {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Note the route if the word stands in path, query or body."""
        body = unquote_plus(request.body.decode(errors="replace"))
        text = request.get_full_path() + body + str(request.META.get("HTTP_REFERER", ""))
        response = self.get_response(request)
        if self.word in text:
            way = f"{request.method} {resolve(request.path_info).route}"
            self.answers.setdefault(way, set()).add(response.status_code)
        return response


def list_ways_in() -> set[str]:
    """Return method and route of whatever can be posted to, the admin's forms aside."""
    return {
        f"{method.upper()} {route}"
        for route, view in _walk(get_resolver(), "")
        if not route.startswith("admin/")
        for method in WRITING
        # `put` of a form view is Django's own second name for `post`.
        if hasattr(view, method) and (method != "put" or not hasattr(view, "form_class"))
        if method in getattr(view, "http_method_names", WRITING)
    }


def _walk(resolver: URLResolver, before: str) -> Iterator[tuple[str, Any]]:
    for found in resolver.url_patterns:
        route = before + str(found.pattern)
        if isinstance(found, URLPattern):
            view = found.callback
            yield route, getattr(view, "view_class", None) or getattr(view, "cls", None) or view
        else:
            yield from _walk(found, route)


def list_operations(schema: dict[str, Any]) -> set[str]:
    """Return method and path of every writing operation of an OpenAPI document."""
    return {f"{m.upper()} {path}" for path, found in schema["paths"].items() for m in found if m in WRITING}


def list_admin_forms(superuser: Any) -> set[str]:
    """Return the models whose form in the admin can be saved."""
    request = RequestFactory().get("/admin/")
    request.user = superuser
    return {
        model._meta.label
        for model, site in admin.site._registry.items()
        if site.has_add_permission(request) or site.has_change_permission(request)
    }


def soap(*, organization: str, email: str, word: str) -> bytes:
    """Return an Outbound Message of an opportunity and a contact with the person in each free field."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    fields = f"<sf:Description>{word}</sf:Description><sf:Email>{email}</sf:Email><sf:Name>{word}</sf:Name>"
    notifications = "".join(
        f'<Notification><Id>04l5g00000nrC5{n}AAU</Id><sObject xsi:type="sf:{kind}" '
        f'xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>{record}</sf:Id>{fields}'
        f"<sf:AccountId>0015g00000AcctOneA</sf:AccountId><sf:LastModifiedDate>{at}</sf:LastModifiedDate>"
        "<sf:StageName>Demo Scheduled</sf:StageName></sObject></Notification>"
        for n, (kind, record) in enumerate(
            (("Opportunity", "0065g00000OppOneAAA"), ("Contact", "0035g00000ContactAA"))
        )
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{organization}</OrganizationId><ActionId>04k5g000000TestAAA</ActionId>"
        f"<SessionId>{word}</SessionId>{notifications}</notifications></e:Body></e:Envelope>"
    ).encode()


def with_person(document: Any, *, email: str, word: str) -> Any:
    """Return a door's document about the person: each address theirs, each name and free text the word."""
    text = json.dumps(document).replace("zoe@hostile.test", email)
    for sample in ("Zoe", "Z", "P", "CTO", "two", "x"):
        text = text.replace(f'"{sample}"', json.dumps(f"{word} {sample}"))
    return json.loads(text)


def quoted(email: str) -> str:
    """Return an address as one part of a path."""
    return quote(email, safe="")
