"""People with roles, and their browser sessions."""

from itertools import count

from django.contrib.auth.models import Group, User
from django.test import Client

_numbers = count(1)


def make_person(*roles: str, name: str = "") -> User:
    """Return a user with these roles."""
    user = User.objects.create_user(name or f"person-{next(_numbers)}")
    user.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
    return user


def sign_in(*roles: str) -> Client:
    """Return a browser session of a new person with these roles; `client.person` is who it is."""
    client = Client()
    client.person = make_person(*roles)
    client.force_login(client.person, backend="django.contrib.auth.backends.ModelBackend")
    return client
