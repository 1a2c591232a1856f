"""Plumbing of the server-rendered pages, and the pages that belong to no single app."""
