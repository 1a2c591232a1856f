"""Experiments: the list, the form that defines one, and one with its run and comparison."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from contexts.scoring import DecayConfigData, WeightConfigData
from contexts.selectors import list_names
from contexts.selectors.configs import get_active_configs
from laboratory import selectors
from laboratory.models import Run
from laboratory.services import experiments
from laboratory.web import reading
from laboratory.web.forms import SECONDS_A_DAY, ChallengerForm
from revctx.api.errors import Unprocessable
from revctx.web.access import ScopedPage, ScopedView
from revctx.web.paging import read_page
from revctx.web.people import name_users
from signals.contracts import SignalTypeData
from signals.selectors import list_types

FLIPS_SHOWN = 25


class ExperimentList(ScopedPage):
    """Experiments, newest first, with the verdict of their newest run."""

    scope = "lab:read"
    template_name = "laboratory/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read one page of experiments."""
        cursor = self.request.GET.get("after", "")
        page = read_page(selectors.list_experiments(), time_field="created_at", cursor=cursor)
        rows = [
            {"experiment": row, "verdict": reading.say_verdict(getattr(row, "verdict", None) or "")}
            for row in page.rows
        ]
        return super().get_context_data(page=page, rows=rows, **kwargs)


class ExperimentForm(ScopedPage):
    """Define a challenger against the configuration in use."""

    scope = "lab:write"
    template_name = "laboratory/new.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the current numbers beside what was typed."""
        form: ChallengerForm = kwargs.pop("form", ChallengerForm({}))
        decay, weight = get_active_configs()
        lines = [_describe_type(entry, decay, weight, form) for entry in list_types()]
        return super().get_context_data(form=form, lines=lines, threshold=weight.hot_threshold, **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Create the experiment, queue its run and open it, or show what is wrong."""
        form = ChallengerForm({name: str(value) for name, value in request.POST.items()})
        draft = form.read_draft(list_types())
        if draft is not None:
            now = datetime.now(UTC)
            try:
                made = experiments.create_experiment(draft=draft, user_id=self.user.pk, now=now)
            except Unprocessable as error:
                form.errors["name"] = error.message
            else:
                experiments.request_run(experiment_id=made.pk, user_id=self.user.pk, now=now)
                return redirect(f"/laboratory/{made.pk}")
        return self.render_to_response(self.get_context_data(form=form), status=422)


class ExperimentDetail(ScopedPage):
    """One experiment: what it changes, how its run goes, and what came out."""

    scope = "lab:read"
    template_name = "laboratory/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read experiment, newest run and promotions."""
        return super().get_context_data(**read_experiment(kwargs.pop("experiment_id")), **kwargs)


class RunExperiment(ScopedView):
    """Queue a run."""

    scope = "lab:write"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, experiment_id: UUID) -> HttpResponse:
        """Queue it and go back to the experiment."""
        experiments.request_run(experiment_id=experiment_id, user_id=self.user.pk, now=datetime.now(UTC))
        return redirect(f"/laboratory/{experiment_id}")


def read_experiment(experiment_id: UUID) -> dict[str, Any]:
    """Return everything that the page of one experiment shows.

    Raises:
        NotFound: there is none.
    """
    experiment = selectors.get_experiment(experiment_id)
    newest = selectors.find_newest_run(experiment_id)
    done = newest if newest and newest.state == Run.State.DONE else selectors.find_done_run(experiment_id)
    metrics = done.metrics if done else None
    return {
        "experiment": experiment,
        "changes": reading.list_changes(experiment.champion, experiment.challenger),
        "run": newest,
        "running": newest is not None and newest.state in Run.OPEN,
        "progress": newest.processed / newest.total if newest and newest.total else 0.0,
        "metrics": metrics,
        "differences": reading.list_differences(metrics) if metrics else [],
        "verdict": reading.say_verdict(metrics["verdict"]) if metrics else None,
        "reasons": reading.say_reasons(metrics) if metrics else "",
        "failure": reading.say_failure(newest.failure) if newest else "",
        "account_names": _name_flips(metrics) if metrics else {},
        **_read_promotions(experiment_id),
    }


def _name_flips(metrics: Mapping[str, Any]) -> dict[str, str]:
    ids = [UUID(flip["account_id"]) for flip in metrics["flips"]["accounts"][:FLIPS_SHOWN]]
    return {str(account_id): name for account_id, name in list_names(ids).items()}


def _read_promotions(experiment_id: UUID) -> dict[str, Any]:
    found, now = list(selectors.list_promotions(experiment_id)[:10]), datetime.now(UTC)
    people = name_users(user for one in found for user in (one.proposer, one.approver, one.rolled_back_by))
    rows = [
        {
            "promotion": one,
            "words": reading.say_promotion(one, now=now),
            "is_open": one.state == "requested" and one.expires_at > now,
            "interrupted": (one.state == "approved" and one.applied_at is None)
            or (one.state == "rolled_back" and one.restored_at is None),
        }
        for one in found
    ]
    return {"promotions": rows, "people": people, "open_promotion": any(row["is_open"] for row in rows)}


def _describe_type(
    entry: SignalTypeData, decay: DecayConfigData, weight: WeightConfigData, form: ChallengerForm
) -> dict[str, Any]:
    fields = {"half_life": f"half_life.{entry.name}", "weight": f"weight.{entry.name}"}
    seconds = decay.half_lives.get(entry.name, decay.default_half_life)
    return {
        "type": entry,
        "fields": fields,
        "half_life_days": f"{seconds / SECONDS_A_DAY:g}",
        "weight": f"{weight.weights.get(entry.name, weight.default_weight):g}",
        "given": {part: form.given.get(name, "") for part, name in fields.items()},
        "errors": {part: form.errors.get(name, "") for part, name in fields.items()},
    }
