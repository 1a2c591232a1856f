"""Who may see a page: everybody signs in first, then the scope of their role decides."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.generic import TemplateView, View

from revctx.api.errors import NotFound
from revctx.api.permissions import scopes_of


class ScopedView(LoginRequiredMixin, View):
    """A view for signed-in people whose role has `scope`; `post_scope` where writing needs more."""

    scope: ClassVar[str] = ""
    post_scope: ClassVar[str] = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Ask for a login, then for the scope; what does not exist is a 404 page.

        Raises:
            PermissionDenied: the role lacks the scope.
            BadRequest: a field holds NUL, which the database can't store or compare.
        """
        if not request.user.is_authenticated:
            return self.handle_no_permission()
        _refuse_nul(request)
        needed = self.post_scope if request.method == "POST" and self.post_scope else self.scope
        if needed and needed not in self.scopes:
            raise PermissionDenied(needed)
        try:
            return super().dispatch(request, *args, **kwargs)
        except NotFound as error:
            raise Http404(error.message) from error

    @property
    def scopes(self) -> frozenset[str]:
        """Return what the reader may do, asked of the database once a request."""
        return page_scopes(self.request)

    @property
    def user(self) -> User:
        """Return the signed-in reader."""
        assert isinstance(self.request.user, User)
        return self.request.user

    @property
    def actor(self) -> str:
        """Return the reader as audit rows name them."""
        return f"user:{self.user.pk}"


def _refuse_nul(request: HttpRequest) -> None:
    given = [*request.GET.lists(), *request.POST.lists()]
    if any("\x00" in text for name, values in given for text in (name, *values)):
        raise BadRequest("a field holds NUL")


class ScopedPage(ScopedView, TemplateView):
    """A page for signed-in people, with the time it was made as `now`."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the clock and what the reader may do."""
        return super().get_context_data(now=datetime.now(UTC), scopes=self.scopes, **kwargs)


def page_scopes(request: HttpRequest) -> frozenset[str]:
    """Return the reader's scopes, kept on the request so that one page asks once."""
    known: frozenset[str] | None = getattr(request, "_page_scopes", None)
    if known is None:
        known = scopes_of(request)
        request._page_scopes = known  # type: ignore[attr-defined]
    return known
