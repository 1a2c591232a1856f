"""Plant a word in every field of every way in, and tell which ways it did not go."""

import inspect
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote_plus

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, resolve

WRITING = ("post", "put", "patch", "delete")
OURS = {"compliance", "contexts", "integrations", "laboratory", "orchestration", "revctx", "signals"}

# Every way in that the word is not planted in: its view reads nothing of what is sent but the path.
WITHOUT_PERSON = {
    "POST api/audit/verify",
    "POST api/compliance/breaches/<uuid:breach_id>/affected",
    "POST api/consent/confirm/<str:token>",
    "POST api/identity/candidates/<uuid:candidate_id>/dismiss",
    "POST audit/verifications",
    "POST identity/candidates/<uuid:candidate_id>/dismiss",
    "POST laboratory/<uuid:experiment_id>/run",
    "POST privacy/breaches/<uuid:breach_id>/affected",
}
_READS_WHAT_IS_SENT = re.compile(r"request\.(GET|POST|FILES|body|data|query_params)\b|read_body")

NO_ADDRESS = "kept for good, so it refuses an address; what names a person otherwise only staff can leave out"
CODES = "a word of a fixed list; another is refused"
NO_KEYS = "a body without keys; any is refused"
NO_ALIAS = "ids and aliases of accounts; no alias holds an @"
# Every way in that takes the word in no request, with the reason.
REFUSING = {
    "POST api/compliance/breaches": NO_ADDRESS,
    "POST api/compliance/breaches/<uuid:breach_id>/decisions": CODES,
    "POST api/identity/merges": NO_ALIAS,
    "POST api/identity/merges/preview": NO_ALIAS,
    "POST api/laboratory/experiments": NO_ADDRESS,
    "POST api/laboratory/experiments/<uuid:experiment_id>/promote": NO_ADDRESS,
    "POST api/laboratory/experiments/<uuid:experiment_id>/run": NO_KEYS,
    "POST api/laboratory/promotions/<uuid:promotion_id>/approve": NO_KEYS,
    "POST api/laboratory/promotions/<uuid:promotion_id>/reject": NO_KEYS,
    "POST api/laboratory/promotions/<uuid:promotion_id>/rollback": NO_KEYS,
    "POST api/privacy/requests/<uuid:request_id>/decisions": CODES,
    "POST laboratory/<uuid:experiment_id>/promote": NO_ADDRESS,
    "POST laboratory/new": NO_ADDRESS,
    "POST laboratory/promotions/<uuid:promotion_id>/<str:decision>": CODES,
    "POST login": "names staff; a person whom signals are about does not sign in",
    "POST privacy/<uuid:subject_id>/revoke": CODES,
    "POST privacy/breaches/<uuid:breach_id>": CODES,
    "POST privacy/breaches/new": NO_ADDRESS,
    "POST privacy/requests/<uuid:request_id>": CODES,
}

SETTINGS = "settings of the product, written by its administrators"
PLANTED = "planted: it takes the id of a signal and a fixed code, and refuses another text"
# The admin's forms that can be saved.
ADMIN_FORMS = {
    "auth.User": "staff, not the persons that signals are about",
    "axes.AccessAttempt": "kept by the sign-in page, which is planted",
    "axes.AccessFailureLog": "kept by the sign-in page, which is planted",
    "axes.AccessLog": "kept by the sign-in page, which is planted",
    "contexts.Retraction": PLANTED,
    "eventbus.WorkItem": "the list with its action alone; no item has a form",
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
    """Middleware that notes through which way in the word came, and whether it was let in."""

    word = ""
    taken: dict[str, set[int]] = {}
    refused: dict[str, set[int]] = {}

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Stand before the rest."""
        self.get_response = get_response

    @classmethod
    def begin(cls, word: str) -> None:
        """Forget what was noted, and look for a word."""
        cls.word, cls.taken, cls.refused = word, {}, {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Note the route and the status if the word stands in path, query or body."""
        body = unquote_plus(request.body.decode(errors="replace"))
        text = request.get_full_path() + body + str(request.META.get("HTTP_REFERER", ""))
        response = self.get_response(request)
        if self.word in text:
            way = f"{request.method} {resolve(request.path_info).route}"
            noted = self.taken if is_taken(request, response) else self.refused
            noted.setdefault(way, set()).add(response.status_code)
        return response


def is_taken(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether a request did what it asked for, which the status of a page alone does not tell.

    A page that refuses answers with its form again, or redirects: to the sign-in, or to a page that says why.
    """
    context = getattr(response, "context_data", None) or {}
    forms = (context.get("form"), getattr(context.get("adminform"), "form", None))
    if any(getattr(form, "errors", None) for form in forms):
        return False
    told = getattr(getattr(request, "_messages", None), "_queued_messages", ())
    if any(message.level >= messages.ERROR for message in told):
        return False
    is_sent_away = response.get("Location", "").startswith((f"{settings.LOGIN_URL}?", "/admin/login/"))
    return response.status_code < 400 and not is_sent_away


def list_ways_in() -> dict[str, Any]:
    """Return whatever can be posted to, the admin's forms aside: its view by method and route."""
    return {
        f"{method.upper()} {route}": view
        for route, view in _walk(get_resolver(), "")
        if not route.startswith("admin/")
        for method in WRITING
        # `put` of a form view is Django's own second name for `post`.
        if hasattr(view, method) and (method != "put" or not hasattr(view, "form_class"))
        if method in getattr(view, "http_method_names", WRITING)
    }


def reads_what_is_sent(view: type) -> bool:
    """Return whether a view of ours looks at query or body, by its code and that of its bases."""
    ours = [cls for cls in view.__mro__ if cls.__module__.split(".")[0] in OURS]
    return not ours or any(_READS_WHAT_IS_SENT.search(inspect.getsource(cls)) for cls in ours)


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
