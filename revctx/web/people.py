"""Who did something, in the reader's words."""

from collections.abc import Iterable

from django.contrib.auth.models import User


def name_users(ids: Iterable[int | None]) -> dict[int, str]:
    """Return the names of these users, by id."""
    known = {user_id for user_id in ids if user_id is not None}
    people = User.objects.filter(pk__in=known) if known else []
    return {person.pk: person.get_full_name() or person.username for person in people}


def name_actors(actors: Iterable[str]) -> dict[str, str]:
    """Return who stands behind actors as audit rows name them: a person's name, else Revctx itself."""
    ids = {actor: _user_id(actor) for actor in set(actors)}
    names = name_users(ids.values())
    return {
        actor: "Revctx" if user_id is None else names.get(user_id, f"Former user {user_id}")
        for actor, user_id in ids.items()
    }


def _user_id(actor: str) -> int | None:
    kind, _, number = actor.partition(":")
    return int(number) if kind == "user" and number.isdecimal() else None
