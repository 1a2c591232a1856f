"""Embedded services and the supervisor behind ``make run``, and the harness behind ``make test``."""
