"""Move the production pointer to a challenger, with two people, and back by one step."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from compliance import audit
from contexts.scoring import DecayConfigData, WeightConfigData
from contexts.selectors.configs import get_active_configs
from contexts.services.rollouts import Superseded, activate_configs, is_under_way
from laboratory import selectors, source
from laboratory.models import Experiment, Promotion
from laboratory.services.experiments import refuse_address
from revctx.api.errors import Conflict, Forbidden, Gone, NotFound

VALID_FOR = timedelta(days=7)
# Held while a promotion is judged, so that two can't both find the configuration unchanged.
DECISION_LOCK = 7_265_101

Versions = tuple[int, int]


@transaction.atomic
def request_promotion(*, experiment_id: UUID, reason: str, user_id: int, now: datetime) -> Promotion:
    """Ask for an experiment's challenger to become the production configuration.

    Raises:
        NotFound: no such experiment.
        Conflict: no finished run, nothing that would change, a promotion that is open already, or a
            configuration or signals that are no longer what the run compared.
        Unprocessable: the reason may hold an e-mail address.
    """
    refuse_address("reason", reason)
    experiment = selectors.get_experiment(experiment_id)
    run = selectors.find_done_run(experiment_id)
    if run is None or run.manifest is None or run.metrics is None:
        raise Conflict("not_run", "Run the experiment to its end before promoting it.")
    _lock_decisions()
    _retire_expired(experiment, user_id, now)
    if Promotion.objects.filter(experiment=experiment, state=Promotion.State.REQUESTED).exists():
        raise Conflict("already_requested", "This experiment has an open promotion.")
    promotion = _propose(experiment, reason=reason, user_id=user_id, now=now)
    promotion.run, promotion.verdict = run, run.metrics["verdict"]
    promotion.manifest_digest = run.manifest["signals"]["sha256_chain"]
    if changed := _find_change(promotion, experiment):
        raise Conflict(changed, _explain(changed))
    promotion.save(force_insert=True)
    _record("promotion.requested", promotion, user_id, now)
    return promotion


def _propose(experiment: Experiment, *, reason: str, user_id: int, now: datetime) -> Promotion:
    before, after = _versions(experiment.champion), _versions(experiment.challenger)
    if before == after:
        raise Conflict("nothing_to_promote", "Champion and challenger are the same configuration.")
    return Promotion(
        experiment=experiment,
        reason=reason,
        decay_before=before[0],
        weight_before=before[1],
        decay_after=after[0],
        weight_after=after[1],
        proposer=user_id,
        created_at=now,
        expires_at=now + VALID_FOR,
    )


def approve_promotion(*, promotion_id: UUID, user_id: int, now: datetime) -> Promotion:
    """Approve a promotion and change production over; asking again finishes an interrupted change.

    Raises:
        NotFound: no such promotion.
        Forbidden: the proposer tries to approve their own.
        Gone: it has expired.
        Conflict: it is decided already, another is being applied, or was while this one was and went
            before it, which asking again turns round; or the configuration or the signals have changed
            since, which voids it for good.
    """
    promotion, void_reason = _decide(promotion_id, user_id, now)
    if void_reason:
        raise Conflict(void_reason, _explain(void_reason), extra={"state": promotion.state})
    _activate((promotion.decay_after, promotion.weight_after), actor=f"user:{promotion.approver}", now=now)
    promotion.applied_at = now
    promotion.save(update_fields=["applied_at"])
    return promotion


@transaction.atomic
def reject_promotion(*, promotion_id: UUID, user_id: int, now: datetime) -> Promotion:
    """Turn a promotion down.

    Raises:
        NotFound: no such promotion.
        Conflict: it is decided already.
    """
    promotion = _lock(promotion_id)
    _require(promotion, Promotion.State.REQUESTED)
    _set(promotion, state=Promotion.State.REJECTED, approver=user_id, decided_at=now)
    _record("promotion.rejected", promotion, user_id, now)
    return promotion


def roll_back_promotion(*, promotion_id: UUID, user_id: int, now: datetime) -> Promotion:
    """Put the configuration from before a promotion back into use; one step, by one person.

    Raises:
        NotFound: no such promotion.
        Conflict: it was never applied, another configuration is being applied, or production has moved
            on to something else since.
    """
    promotion = _mark_rolled_back(promotion_id, user_id, now)
    actor = f"user:{promotion.rolled_back_by}"
    _activate((promotion.decay_before, promotion.weight_before), actor=actor, now=now)
    promotion.restored_at = now
    promotion.save(update_fields=["restored_at"])
    return promotion


def _activate(versions: Versions, *, actor: str, now: datetime) -> None:
    try:
        activate_configs(decay_version=versions[0], weight_version=versions[1], actor=actor, now=now)
    except Superseded as error:
        raise Conflict(
            "superseded", "Another configuration went before it; ask again to turn that round."
        ) from error


@transaction.atomic
def _decide(promotion_id: UUID, user_id: int, now: datetime) -> tuple[Promotion, str]:
    """Mark the promotion approved, or void with the reason; both are kept."""
    _lock_decisions()
    promotion = _lock(promotion_id)
    if promotion.state == Promotion.State.APPROVED and promotion.applied_at is None:
        return promotion, _void_if_overtaken(promotion, user_id, now)
    _require(promotion, Promotion.State.REQUESTED)
    if promotion.proposer == user_id:
        raise Forbidden("own_proposal", "Somebody else than the proposer must approve.")
    if promotion.expires_at <= now:
        raise Gone("expired", "The promotion has expired; propose it again.")
    _refuse_while_applying()
    changed = _find_change(promotion, selectors.get_experiment(promotion.experiment_id))
    if changed:
        _void(promotion, changed, user_id, now)
        return promotion, changed
    _set(promotion, state=Promotion.State.APPROVED, approver=user_id, decided_at=now)
    _record("promotion.approved", promotion, user_id, now)
    return promotion, ""


def _void_if_overtaken(promotion: Promotion, user_id: int, now: datetime) -> str:
    """Void an interrupted promotion when something else came into use; finishing it would drop that."""
    before = (promotion.decay_before, promotion.weight_before)
    if _active_versions() in (before, (promotion.decay_after, promotion.weight_after)):
        return ""
    _void(promotion, "configuration_changed", user_id, now)
    return promotion.void_reason


@transaction.atomic
def _mark_rolled_back(promotion_id: UUID, user_id: int, now: datetime) -> Promotion:
    _lock_decisions()
    promotion = _lock(promotion_id)
    if promotion.state == Promotion.State.ROLLED_BACK and promotion.restored_at is None:
        return promotion
    _require(promotion, Promotion.State.APPROVED)
    if promotion.applied_at is None:
        raise Conflict("not_applied", "The promotion is not applied yet.")
    _refuse_while_applying()
    if _active_versions() != (promotion.decay_after, promotion.weight_after):
        raise Conflict("configuration_changed", "Production has moved on to another configuration since.")
    _set(promotion, state=Promotion.State.ROLLED_BACK, rolled_back_by=user_id, rolled_back_at=now)
    _record("promotion.rolled_back", promotion, user_id, now)
    return promotion


def _retire_expired(experiment: Experiment, user_id: int, now: datetime) -> None:
    """Make way for a new proposal: one that nobody may approve any more must not stand in it."""
    over = Promotion.objects.select_for_update().filter(
        experiment=experiment, state=Promotion.State.REQUESTED, expires_at__lte=now
    )
    for promotion in over:
        _void(promotion, "expired", user_id, now)


def _void(promotion: Promotion, reason: str, user_id: int, now: datetime) -> None:
    _set(promotion, state=Promotion.State.VOID, void_reason=reason, decided_at=now)
    _record("promotion.voided", promotion, user_id, now)


def _find_change(promotion: Promotion, experiment: Experiment) -> str:
    """Return the code of what is no longer as the run saw it; empty when all is."""
    # By value: a version stays the same when the setting that it takes its threshold from changes.
    champion = experiment.champion
    compared = (DecayConfigData.from_dict(champion["decay"]), WeightConfigData.from_dict(champion["weight"]))
    if get_active_configs() != compared:
        return "configuration_changed"
    if source.digest_signals(experiment) != promotion.manifest_digest:
        return "signals_changed"
    return ""


def _explain(code: str) -> str:
    return {
        "configuration_changed": "The active configuration is no longer the champion of the experiment.",
        "signals_changed": "Signals of the run were erased, retired or moved; run the experiment again.",
    }[code]


def _refuse_while_applying() -> None:
    applying = Promotion.objects.filter(state=Promotion.State.APPROVED, applied_at=None)
    restoring = Promotion.objects.filter(state=Promotion.State.ROLLED_BACK, restored_at=None)
    if applying.exists() or restoring.exists() or is_under_way():
        raise Conflict("busy", "Another configuration is being applied; try again.")


def _lock_decisions() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [DECISION_LOCK])


def _lock(promotion_id: UUID) -> Promotion:
    promotion = Promotion.objects.select_for_update().filter(pk=promotion_id).first()
    if promotion is None:
        raise NotFound("not_found", "There is no such promotion.")
    return promotion


def _require(promotion: Promotion, state: Promotion.State) -> None:
    if promotion.state != state:
        raise Conflict(
            "wrong_state", f"The promotion is {promotion.state}.", extra={"state": promotion.state}
        )


def _set(promotion: Promotion, **values: object) -> None:
    for name, value in values.items():
        setattr(promotion, name, value)
    promotion.save(update_fields=list(values))


def _active_versions() -> Versions:
    decay, weight = get_active_configs()
    return decay.version, weight.version


def _versions(config: dict[str, dict[str, int]]) -> Versions:
    return config["decay"]["version"], config["weight"]["version"]


def _record(name: str, promotion: Promotion, user_id: int, now: datetime) -> None:
    entry = audit.AuditEntry(
        name=name,
        actor=f"user:{user_id}",
        target_type="promotion",
        target_id=str(promotion.pk),
        at=now,
        payload={
            "experiment_id": str(promotion.experiment_id),
            "verdict": promotion.verdict,
            "void_reason": promotion.void_reason,
            "decay_before": promotion.decay_before,
            "weight_before": promotion.weight_before,
            "decay_after": promotion.decay_after,
            "weight_after": promotion.weight_after,
        },
    )
    audit.record([entry])
