"""The latest signals, and one signal with what is readable of it."""

from typing import Any

from django.http import Http404

from revctx.web.access import ScopedPage
from revctx.web.paging import read_page
from signals import selectors


class SignalList(ScopedPage):
    """Signals by time of occurrence, newest first, by account reference, type and source."""

    scope = "signals:read"
    template_name = "signals/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read one page of signals and the catalogue for the filter."""
        asked = {name: self.request.GET.get(name, "").strip() for name in ("account", "type", "source")}
        filters = {name: value for name, value in asked.items() if value}
        signals = selectors.list_signals(
            account=filters.get("account"), type=filters.get("type"), source=filters.get("source")
        )
        page = read_page(signals, time_field="occurred_at", cursor=self.request.GET.get("after", ""))
        types = selectors.list_types()
        labels = {entry.name: entry.label for entry in types}
        rows = [{"signal": signal, "label": labels.get(signal.type, signal.type)} for signal in page.rows]
        return super().get_context_data(
            rows=rows, page=page, types=types, filters=asked, filtered=bool(filters), **kwargs
        )


class SignalDetail(ScopedPage):
    """One signal: readable facts, references, and other versions of the same event."""

    scope = "signals:read"
    template_name = "signals/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Read the signal; its sealed part stays sealed.

        Raises:
            Http404: there is no such signal.
        """
        try:
            signal = selectors.get_signal(signal_id=kwargs["signal_id"])
        except selectors.SignalNotFound as error:
            raise Http404("no such signal") from error
        labels = {entry.name: entry.label for entry in selectors.list_types()}
        return super().get_context_data(
            signal=signal,
            label=labels.get(signal.type, signal.type),
            conflicts=selectors.list_conflicts(signal_id=signal.id),
            **kwargs,
        )
