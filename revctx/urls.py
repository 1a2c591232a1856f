"""Every URL of the product."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from revctx.api.errors import handle_404
from revctx.observability import health, prometheus

urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health.health),
    path("health/detailed", health.detailed),
    path("health/workers", health.workers),
    path("metrics", prometheus.metrics),
    path("admin/", admin.site.urls),
    path("api/schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
]
for _app in ("signals", "integrations", "contexts", "orchestration", "compliance", "laboratory"):
    urlpatterns.append(path("api/", include(f"{_app}.api.urls")))
for _app in ("revctx", "signals", "integrations", "contexts", "orchestration", "compliance", "laboratory"):
    urlpatterns.append(path("", include(f"{_app}.web.urls")))
urlpatterns.append(re_path(r"^api/", csrf_exempt(handle_404)))

handler400 = "revctx.web.errors.bad_request"
handler403 = "revctx.web.errors.forbidden"
handler404 = "revctx.web.errors.not_found"
handler500 = "revctx.web.errors.server_error"

admin.site.site_header = admin.site.site_title = "Revctx"
