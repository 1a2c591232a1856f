"""The servers of a local stack: embedded ones, or those that the environment names instead."""

from dataclasses import dataclass

from revctx.devstack.broker import Broker
from revctx.devstack.console import say
from revctx.devstack.local_env import GivenServers
from revctx.devstack.local_state import LocalState
from revctx.devstack.paths import postgres_folder
from revctx.devstack.postgres import PostgresServer
from revctx.devstack.redis import RedisServer
from revctx.devstack.services import database_environment


@dataclass
class LocalServices:
    """PostgreSQL, Redis and the broker; None stands for a server that somebody else runs."""

    given: GivenServers
    postgres: PostgresServer | None
    redis: RedisServer | None
    broker: Broker | None

    @classmethod
    def create(
        cls, *, state: LocalState, given: GivenServers, ports: dict[str, int], redis_password: str
    ) -> "LocalServices":
        """Describe the servers; start nothing yet."""
        return cls(
            given=given,
            postgres=None if given.databases else _describe_postgres(state, ports["postgres"]),
            redis=None
            if given.redis
            else RedisServer(folder=state.folder / "redis", port=ports["redis"], password=redis_password),
            broker=None if given.kafka else Broker(folder=state.folder / "broker"),
        )

    def start(self) -> None:
        """Start the embedded servers side by side and return when all answer.

        Raises:
            ServiceError: one of them did not start.
        """
        if self.broker is not None:
            self.broker.begin()
        if self.postgres is not None:
            self.postgres.begin()
        if self.redis is not None:
            self.redis.start()
        if self.broker is not None:
            self.broker.wait()
        if self.postgres is not None:
            self.postgres.wait()

    def revive(self) -> list[str]:
        """Start again what has ended; return its names.

        Raises:
            ServiceError: one of them did not start.
        """
        servers = {"PostgreSQL": self.postgres, "Redis": self.redis, "broker": self.broker}
        revived = []
        for name, server in servers.items():
            if server is not None and not server.is_running():
                server.stop()
                server.start()
                revived.append(name)
        return revived

    def stop(self) -> None:
        """Stop the embedded servers."""
        for server in (self.broker, self.redis, self.postgres):
            if server is not None:
                server.stop()

    def environment(self) -> dict[str, str]:
        """Return the variables that point at the servers."""
        databases = self.given.databases if self.postgres is None else database_environment(self.postgres)
        return {
            **databases,
            # Only the embedded broker forgets what nobody read in time.
            **({"RELAY_MAX_AHEAD": "0"} if self.broker is None else {}),
            "REDIS_URL": self.given.redis if self.redis is None else self.redis.url,
            "KAFKA_BOOTSTRAP_SERVERS": self.given.kafka
            if self.broker is None
            else self.broker.bootstrap_servers,
        }

    def describe(self) -> str:
        """Say which servers are embedded, in words."""
        parts = [
            "PostgreSQL" if self.postgres else "PostgreSQL (yours)",
            "Redis" if self.redis else "Redis (yours)",
            "broker" if self.broker else "Kafka (yours)",
        ]
        return ", ".join(parts)


def _describe_postgres(state: LocalState, port: int) -> PostgresServer:
    data = postgres_folder(state.folder)
    if (orphan := state.set_aside_orphan(data)) is not None:
        say(f"Found the database of a checkout that is gone; set it aside as {orphan}")
    return PostgresServer(folder=data, port=port, passwords=state.load_passwords())
