"""What the Outreach connector keeps."""

from django.db import models


class OAuthGrant(models.Model):
    """The newest refresh token of a vendor that gives a new one with each use, encrypted.

    The organisation's secret, about no person, so it is not sealed under anybody's key.
    """

    provider = models.CharField(max_length=40, primary_key=True)
    ciphertext = models.BinaryField()
    updated_at = models.DateTimeField()

    class Meta:
        app_label = "integrations"
        db_table = "integration_oauth_grants"

    def __str__(self) -> str:
        return self.provider
