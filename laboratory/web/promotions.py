"""Ask for a challenger to go into production, and decide on it: two people."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from laboratory import selectors
from laboratory.services import promotions
from laboratory.web.views import read_experiment
from revctx.api.errors import ApiError, NotFound
from revctx.web.access import ScopedPage

_DECISIONS: dict[str, tuple[Callable[..., Any], str]] = {
    "approve": (promotions.approve_promotion, "Approved. Production uses the challenger now."),
    "reject": (promotions.reject_promotion, "Turned down. Production stays as it is."),
    "roll-back": (promotions.roll_back_promotion, "Rolled back to the configuration from before."),
}


class _PromotionView(ScopedPage):
    template_name = "laboratory/detail.html"
    http_method_names = ["post"]

    def refuse(self, experiment_id: UUID, error: ApiError) -> HttpResponse:
        """Show the experiment under what went wrong."""
        problem = {"title": "Not done", "message": f"{error.message} Production was not changed."}
        context = self.get_context_data(problem=problem, **read_experiment(experiment_id))
        return self.render_to_response(context, status=error.status)


class Propose(_PromotionView):
    """Propose the challenger."""

    scope = "lab:write"

    def post(self, request: HttpRequest, experiment_id: UUID) -> HttpResponse:
        """File the proposal and go back to the experiment."""
        reason = request.POST.get("reason", "").strip()[:500]
        try:
            promotions.request_promotion(
                experiment_id=experiment_id, reason=reason, user_id=self.user.pk, now=datetime.now(UTC)
            )
        except NotFound:
            raise
        except ApiError as error:
            return self.refuse(experiment_id, error)
        messages.success(request, "Proposed. Somebody else has to approve it.", extra_tags="good")
        return redirect(f"/laboratory/{experiment_id}")


class Decide(_PromotionView):
    """Approve, turn down or roll back a promotion."""

    scope = "lab:approve"

    def post(self, request: HttpRequest, promotion_id: UUID, decision: str) -> HttpResponse:
        """Do it and go back to the experiment.

        Raises:
            Http404: there is no such decision.
        """
        if decision not in _DECISIONS:
            raise Http404("no such decision")
        decide, said = _DECISIONS[decision]
        experiment_id = selectors.get_promotion(promotion_id).experiment_id
        try:
            decide(promotion_id=promotion_id, user_id=self.user.pk, now=datetime.now(UTC))
        except ApiError as error:
            return self.refuse(experiment_id, error)
        messages.success(request, said, extra_tags="good")
        return redirect(f"/laboratory/{experiment_id}")
