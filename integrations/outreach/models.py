"""What the Outreach connector keeps."""

from django.db import models


class OAuthGrant(models.Model):
    """The newest refresh token of a vendor that gives a new one with each use; sealed."""

    provider = models.CharField(max_length=40, primary_key=True)
    sealed = models.BinaryField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label = "integrations"
        db_table = "integration_oauth_grants"

    def __str__(self) -> str:
        return self.provider
