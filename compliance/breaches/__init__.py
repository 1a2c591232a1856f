"""Breaches of personal data: their record, the 72 hour clock, and who is affected."""
