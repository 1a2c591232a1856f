"""Tables of the Salesforce connector and of the vendors' refresh tokens."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0401_connectors"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChangeCursor",
            fields=[
                ("topic", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("replay_id", models.BinaryField(default=b"")),
                ("heard_at", models.DateTimeField()),
            ],
            options={
                "db_table": "integration_change_cursors",
            },
        ),
        migrations.CreateModel(
            name="OAuthGrant",
            fields=[
                ("provider", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("ciphertext", models.BinaryField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "db_table": "integration_oauth_grants",
            },
        ),
        migrations.CreateModel(
            name="OpportunityAccount",
            fields=[
                ("opportunity_id", models.CharField(max_length=18, primary_key=True, serialize=False)),
                ("account_id", models.CharField(max_length=18)),
            ],
            options={
                "db_table": "integration_opportunity_accounts",
            },
        ),
        migrations.CreateModel(
            name="SeenDelivery",
            fields=[
                ("digest", models.BinaryField(max_length=32, primary_key=True, serialize=False)),
                ("quarantine_id", models.UUIDField()),
                ("received_at", models.DateTimeField()),
            ],
            options={
                "db_table": "integration_seen_deliveries",
            },
        ),
    ]
