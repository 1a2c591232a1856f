"""`manage.py create_topics`: make the topics on a real broker."""

from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from revctx.eventbus.topics import TOPICS


class Command(BaseCommand):
    """Create every topic that is missing."""

    help = "Create the Kafka topics that are missing; existing ones are left as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the topics.

        Raises:
            CommandError: the broker does not answer or refuses.
        """
        admin = AdminClient({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS})
        wanted = [
            NewTopic(
                topic,
                num_partitions=settings.KAFKA_TOPIC_PARTITIONS,
                replication_factor=settings.KAFKA_REPLICATION_FACTOR,
            )
            for topic in TOPICS
        ]
        for topic, future in admin.create_topics(wanted, request_timeout=20).items():
            try:
                future.result()
                self.stdout.write(f"{topic}: created with {settings.KAFKA_TOPIC_PARTITIONS} partitions")
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise CommandError(f"{topic}: {error.args[0].str()}") from error
                self.stdout.write(f"{topic}: exists")
