"""Error pages: what happened, what was kept, what to do, and the request id. JSON below `/api`."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from revctx.api.errors import BadRequest, Forbidden, error_response, handle_404, handle_500


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/") and request.path != "/api/approval/ui"


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what can't be understood."""
    if _is_api(request):
        return error_response(BadRequest("bad_request", "The request can't be understood."))
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer somebody whose role does not allow this, naming the scope that does."""
    if _is_api(request):
        return error_response(Forbidden("forbidden", "Your role does not allow this."))
    needed = str(exception) if exception and ":" in str(exception) else ""
    return render(request, "403.html", {"needed": needed}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a path that leads nowhere."""
    return handle_404(request, exception) if _is_api(request) else render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error of ours without touching the database again."""
    return handle_500(request) if _is_api(request) else render(request, "500.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose page was open for too long or came from elsewhere."""
    return render(request, "403_csrf.html", status=403)
