"""Requests of persons about their own data, from receipt to signed certificate."""
