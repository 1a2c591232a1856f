"""The ideal customer profile in the admin: one line a rule; what is saved is a new version and rolls out."""

from collections.abc import Container
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from contexts.config_models import IcpDefinition
from contexts.icp import Criterion, IcpData
from contexts.quality import FIELDS
from contexts.selectors.configs import get_active
from contexts.services.rollouts import RolloutUnderWay, change_icp, is_under_way

RULES, SPARE = 8, 2  # lines at least, and lines left free below a longer profile
UNDER_WAY = "Another configuration is on its way. Save again when it is in use; see the rollouts."
_NUMBERS = {"employees", "annual_revenue"}
_PARTS = ("field", "weight", "one_of", "low", "high")


class IcpForm(forms.ModelForm):
    """Rules, each an attribute with the codes or the range of numbers that are wished for."""

    class Meta:
        model = IcpDefinition
        fields = ("name",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin with the profile in use."""
        current = get_active().weight.icp
        initial: dict[str, Any] = {"name": current.name}
        for number, criterion in enumerate(current.criteria, start=1):
            values = {part: getattr(criterion, part) for part in _PARTS}
            values["one_of"] = ", ".join(criterion.one_of)
            initial |= {f"{part}_{number}": value for part, value in values.items()}
        super().__init__(*args, **kwargs | {"initial": initial})
        self.numbers = _number_lines(current, self.data)
        for number in self.numbers:
            self.fields.update(_rule_fields(number, current))

    def clean(self) -> dict[str, Any]:
        """Build the profile from the filled lines."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        numbers = [n for n in self.numbers if cleaned.get(f"field_{n}")]
        criteria = [rule for n in numbers if (rule := self._read_rule(n)) is not None]
        if len({rule.field for rule in criteria}) < len(criteria):
            self.add_error(None, "Each attribute may have one rule.")
        if is_under_way():
            self.add_error(None, UNDER_WAY)
        self.profile = IcpData(version=0, name=cleaned.get("name", ""), criteria=tuple(criteria))
        return cleaned

    def _read_rule(self, number: int) -> Criterion | None:
        given = {part: self.cleaned_data.get(f"{part}_{number}") for part in _PARTS}
        codes = tuple(code.strip().casefold() for code in (given["one_of"] or "").split(",") if code.strip())
        name, low, high = str(given["field"]), given["low"], given["high"]
        if name in FIELDS and bool(codes) == (name in _NUMBERS):
            self.add_error(f"field_{number}", "Numbers take a range; every other attribute takes codes.")
        elif low is not None and high is not None and low > high:
            self.add_error(f"high_{number}", "The range must not end before it begins.")
        else:
            try:
                return Criterion(field=name, weight=given["weight"] or 1.0, one_of=codes, low=low, high=high)
            except ValueError:
                self.add_error(f"field_{number}", "Give either codes or a range.")
        return None


def _number_lines(current: IcpData, posted: Container[str]) -> range:
    """Return the numbers of the lines: of a shown form, of the profile in use, and of what was posted."""
    lines = max(RULES, len(current.criteria) + SPARE)
    while f"field_{lines + 1}" in posted:
        lines += 1
    return range(1, lines + 1)


def _rule_fields(number: int, current: IcpData) -> dict[str, forms.Field]:
    """Return the fields of a line; an attribute that only the profile in use names can be kept."""
    fields = [*FIELDS, *sorted({rule.field for rule in current.criteria} - set(FIELDS))]
    names = [("", "no rule"), *((name, name.replace("_", " ")) for name in fields if name != "technologies")]
    return {
        f"field_{number}": forms.ChoiceField(choices=names, required=False, label=f"Rule {number}"),
        f"weight_{number}": forms.FloatField(required=False, min_value=0.01, max_value=1000, label="weight"),
        f"one_of_{number}": forms.CharField(required=False, max_length=1000, label="is one of (commas)"),
        f"low_{number}": forms.FloatField(required=False, label="from"),
        f"high_{number}": forms.FloatField(required=False, label="to"),
    }


_RULES_HELP = (
    "The fit is the mean of the rules' credits by weight: 1 where a rule is met, 0.5 where a number misses "
    "its range by less than a factor of two or the attribute is unknown, 0 where it is missed. Saving stores "
    "a new version and scores every account anew, in the background; see the rollouts."
)


@admin.register(IcpDefinition)
class IcpAdmin(admin.ModelAdmin):
    """Profiles as they were, and a form for the next one."""

    list_display = ("__str__", "created_at")
    ordering = ("-version",)
    form = IcpForm

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form of rules for a new version; a stored one is shown as it is."""
        return IcpForm if obj is None else super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show a stored version's fields, or a line for each rule."""
        if obj is not None:
            return ((None, {"fields": ("version", "name", "criteria", "created_at")}),)
        current = get_active().weight.icp
        lines = [tuple(_rule_fields(n, current)) for n in _number_lines(current, request.POST)]
        return (None, {"fields": ("name",)}), ("Rules", {"fields": lines, "description": _RULES_HELP})

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Say so when another configuration went on its way between the form's check and the saving."""
        try:
            return super().add_view(request, form_url, extra_context)
        except RolloutUnderWay:
            messages.error(request, UNDER_WAY)
            return redirect(request.path)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a version is written once."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: scores rested on it."""
        return False

    def save_model(self, request: HttpRequest, obj: IcpDefinition, form: Any, change: bool) -> None:
        """Store the profile as a new version of the weights and begin its rollout."""
        rollout = change_icp(icp=form.profile, actor=f"user:{request.user.pk}", now=timezone.now())
        stored = rollout.weight.icp
        obj.pk, obj.version, obj.criteria, obj.created_at = (
            stored.pk,
            stored.version,
            stored.criteria,
            stored.created_at,
        )
        messages.info(request, f"Rollout {rollout.pk} has begun: the accounts are being scored with it.")
