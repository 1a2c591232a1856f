import pytest

from compliance.tests.conftest import connect

__all__ = ["connect"]


@pytest.fixture(autouse=True)
def journal_folder(settings, tmp_path):
    """Give every test a journal of its own."""
    settings.ERASURE_JOURNAL_DIR = str(tmp_path / "journal")
    return tmp_path / "journal"
