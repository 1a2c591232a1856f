"""The three embedded services together, and the environment that points at them."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from revctx.devstack import roles
from revctx.devstack.broker import Broker
from revctx.devstack.ports import free_ports
from revctx.devstack.postgres import SUPERUSER, PostgresServer
from revctx.devstack.redis import RedisServer


def new_passwords() -> dict[str, str]:
    """Draw a password for the superuser and for each role."""
    return {role: secrets.token_hex(24) for role in (SUPERUSER, *roles.ROLES)}


def database_environment(server: PostgresServer) -> dict[str, str]:
    """Return the four database addresses."""
    return {name: server.url(role) for name, role in roles.URL_VARIABLES.items()}


@dataclass
class ThrowawayServices:
    """PostgreSQL, Redis and the broker for one test process; nothing of them is to be kept."""

    postgres: PostgresServer
    redis: RedisServer
    broker: Broker | None

    @classmethod
    def create(cls, *, folder: Path, with_broker: bool = True) -> "ThrowawayServices":
        """Choose ports and passwords; start nothing yet. The server's user must reach the folder."""
        postgres_port, redis_port = free_ports(2)
        return cls(
            postgres=PostgresServer(
                folder=folder / "postgres",
                port=postgres_port,
                passwords=new_passwords(),
                durable=False,
            ),
            redis=RedisServer(
                folder=folder / "redis", port=redis_port, password=secrets.token_hex(16), durable=False
            ),
            broker=Broker(folder=folder / "broker") if with_broker else None,
        )

    def start(self) -> None:
        """Start all of them side by side and return when all answer."""
        if self.broker is not None:
            self.broker.begin()
        self.postgres.begin()
        self.redis.start()
        if self.broker is not None:
            self.broker.wait()
        self.postgres.wait()

    def stop(self) -> None:
        """Stop all of them, clients' side first."""
        for service in (self.broker, self.redis, self.postgres):
            if service is not None:
                service.stop()

    def environment(self) -> dict[str, str]:
        """Return the variables that point at the services."""
        found = database_environment(self.postgres) | {"REDIS_URL": self.redis.url}
        if self.broker is not None:
            found["KAFKA_BOOTSTRAP_SERVERS"] = self.broker.bootstrap_servers
        return found
