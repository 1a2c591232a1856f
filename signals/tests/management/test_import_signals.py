"""`manage.py import_signals` as its user sees it."""

import csv
import io
import json
import os
import signal as unix_signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import ANY

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from signals.models import ImportCheckpoint, Signal
from signals.services.opening import open_signals
from signals.tests import importing_files as files

pytestmark = pytest.mark.django_db
CRM_MAPPING = Path(settings.BASE_DIR) / "docs" / "mappings" / "crm_sales_opportunities.toml"
CRM_DATA = os.environ.get("REVCTX_CRM_DATA", "")


def _run(path, mapping, **options):
    out, err = io.StringIO(), io.StringIO()
    call_command("import_signals", str(path), mapping=str(mapping), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def _report(path):
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["line", "outcome", "reason"]
    return [tuple(row) for row in rows]


@pytest.fixture
def mapping(tmp_path):
    return files.write_mapping(tmp_path)


class TestRows:
    def test_each_row_gives_its_signals_and_each_fault_its_line(self, tmp_path, mapping):
        out, err = _run(files.write_rows(tmp_path), mapping, report=str(tmp_path / "report.csv"))

        stored = sorted(Signal.objects.values_list("type", "account__name", "occurred_at__date"))
        assert [(name, account, str(day)) for name, account, day in stored] == [
            ("opportunity_created", "Kite Works", "2017-02-03"),
            ("opportunity_created", "Kite Works", "2017-02-04"),
            ("opportunity_created", "Moon Bakery", "2017-02-01"),
            ("opportunity_created", "Moon Bakery", "2017-02-07"),
            ("opportunity_lost", "Kite Works", "2017-05-10"),
            ("opportunity_won", "Kite Works", "2017-05-09"),
            ("opportunity_won", "Moon Bakery", "2017-05-09"),
        ]
        assert _report(tmp_path / "report.csv") == files.EXPECTED_REPORT
        assert err == ""
        assert "7  accepted" in out
        assert "2  missing_account" in out
        assert "article 'BigBox': the price list has 'Big Box' only" in out
        assert "columns not used: seller" in out

    def test_a_spelling_to_decide_is_reported_and_not_guessed(self, tmp_path, mapping):
        _run(files.write_rows(tmp_path), mapping)

        products = Signal.objects.filter(type="opportunity_created").order_by("occurred_at")
        assert [row.attributes["product"] for row in products] == [
            "big_box",
            "big_box",
            "unmapped",
            "unmapped",
        ]
        opened = open_signals(
            signal_ids=[products[2].id], actor="system:test", purpose="test", now=datetime.now(UTC)
        )
        assert opened[products[2].id].content == {"attributes": {"product": "BigBox"}}

    def test_values_and_dates_are_kept_exactly(self, tmp_path, mapping):
        _run(files.write_rows(tmp_path), mapping)

        won = Signal.objects.get(type="opportunity_won", account__name="Kite Works")
        assert won.attributes == {"value": 120.5, "opportunity": ANY}
        assert won.occurred_at == datetime(2017, 5, 9, tzinfo=UTC)

    def test_nobody_is_named_in_the_output_the_report_or_the_store(self, tmp_path, mapping):
        out, _ = _run(files.write_rows(tmp_path), mapping, report=str(tmp_path / "report.csv"))

        with connection.cursor() as cursor:
            cursor.execute("SELECT string_agg(s::text, ' ') FROM signals s")
            text = out + (tmp_path / "report.csv").read_text() + cursor.fetchone()[0]
        assert "Jo Lee" not in text
        assert "jane" not in text

    def test_json_lines_give_the_same(self, tmp_path):
        columns = files.HEADER.strip().split(",")
        rows = [dict(zip(columns, row.strip().split(","), strict=False)) for row in files.ROWS[:2]]
        rows[0]["price"] = 120.5
        path = tmp_path / "deals.jsonl"
        lines = [json.dumps(row) for row in rows] + ["{broken", "[1]", "", '{"deal": "D\\u0000"}']
        path.write_text("\n".join(lines), encoding="utf-8")
        mapping = files.write_mapping(tmp_path, files.MAPPING.replace('"csv"', '"jsonl"'))

        _run(path, mapping, report=str(tmp_path / "report.csv"))

        assert Signal.objects.count() == 4
        assert Signal.objects.get(type="opportunity_won").attributes == {"value": 120.5, "opportunity": ANY}
        assert _report(tmp_path / "report.csv")[1:] == [
            ("3", "not_imported", "invalid_json"),
            ("4", "not_imported", "not_an_object"),
            ("6", "not_imported", "invalid_text"),
        ]

    def test_bytes_that_are_no_text_are_reported(self, tmp_path, mapping):
        path = files.write_rows(tmp_path, [])
        path.write_bytes(path.read_bytes() + files.ROWS[0].encode().replace(b"Kite", b"\xff"))

        _run(path, mapping, report=str(tmp_path / "report.csv"))

        assert _report(tmp_path / "report.csv") == [("2", "not_imported", "not_utf8")]


class TestAgain:
    def test_a_second_run_stores_nothing_and_reports_the_same(self, tmp_path, mapping):
        path = files.write_rows(tmp_path)
        _run(path, mapping, report=str(tmp_path / "first.csv"))

        out, _ = _run(path, mapping, report=str(tmp_path / "second.csv"))

        assert Signal.objects.count() == 7
        assert "imported before" in out
        assert "7  accepted" in out
        assert _report(tmp_path / "second.csv") == _report(tmp_path / "first.csv")

    def test_from_the_start_everything_is_a_duplicate(self, tmp_path, mapping):
        path = files.write_rows(tmp_path)
        _run(path, mapping)

        out, _ = _run(path, mapping, again=True)

        assert Signal.objects.count() == 7
        assert "7  duplicate" in out

    def test_a_changed_value_is_a_conflict_and_is_reported(self, tmp_path, mapping):
        _run(files.write_rows(tmp_path), mapping)
        changed = [files.ROWS[0].replace("120.50", "99")]

        out, _ = _run(
            files.write_rows(tmp_path, changed, "newer.csv"), mapping, report=str(tmp_path / "report.csv")
        )

        assert "1  conflict" in out
        assert _report(tmp_path / "report.csv") == [("2", "conflict", "stored_before_with_other_content")]


class TestProgress:
    def test_is_drawn_when_asked_for(self, tmp_path, mapping):
        _, err = _run(files.write_rows(tmp_path), mapping, progress=True)

        assert "100%" in err


class TestRefusal:
    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("century = 2000\n", "", "century"),
            ("version = 1", "version = 2", "version"),
            ("[values]", "[valuez]", "valuez"),
            ('name = "company"', 'nickname = "company"', "nickname"),
            ('"opportunity_lost"', '"horoscope"', "horoscope"),
            ("value = {", "weight = {", "weight"),
            ('number = "price"', 'number = "price", code = "x"', "exactly one"),
            ('"BigBox" =', '"Big Box" =', "codes.article"),
            ("[codes.article]", "[codes.thing]", "codes.article"),
            ('key = "deal"', 'key = "dealid"', "dealid"),
            ("version = 1", "version = ", "not TOML"),
            ('key = "deal"', 'key = "deal"\ntime_zone = "Mars/Base"', "time zone"),
        ],
    )
    def test_a_wrong_mapping_says_what_is_wrong_and_stores_nothing(self, tmp_path, old, new, message):
        assert old in files.MAPPING
        mapping = files.write_mapping(tmp_path, files.MAPPING.replace(old, new))

        with pytest.raises(CommandError, match=message):
            _run(files.write_rows(tmp_path), mapping)

        assert not Signal.objects.exists()

    def test_a_missing_or_empty_file(self, tmp_path, mapping):
        (tmp_path / "empty.csv").touch()

        for path in (tmp_path / "nowhere.csv", tmp_path / "empty.csv"):
            with pytest.raises(CommandError):
                _run(path, mapping)


@pytest.mark.django_db(transaction=True)
class TestKilled:
    def _start(self, path, mapping):
        command = [sys.executable, "manage.py", "import_signals", str(path), "--mapping", str(mapping)]
        return subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def _wait_until_it_stores(self, process):
        deadline = time.monotonic() + 60
        while not Signal.objects.exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def test_in_the_middle_it_goes_on_where_it_stopped(self, tmp_path, mapping):
        path = files.write_many(tmp_path, 4000)
        process = self._start(path, mapping)
        self._wait_until_it_stores(process)
        process.send_signal(unix_signal.SIGKILL)
        process.communicate(timeout=10)
        stored = Signal.objects.count()
        checkpoint = ImportCheckpoint.objects.get()
        assert 0 < stored < 8_000
        assert (checkpoint.accepted, checkpoint.finished_at) == (stored, None)

        out, _ = _run(path, mapping)

        assert f"resumed after line {checkpoint.line:,}" in out
        assert Signal.objects.count() == 8_000
        assert Signal.objects.values("type").distinct().count() == 2
        assert not Signal.objects.filter(conflicts_with__isnull=False).exists()
        checkpoint.refresh_from_db()
        assert (checkpoint.accepted, checkpoint.duplicates) == (8_000, 0)


@pytest.mark.skipif(not CRM_DATA, reason="REVCTX_CRM_DATA does not name the folder of the CRM data")
class TestCrmData:
    def test_the_documented_numbers(self, tmp_path):
        out, _ = _run(Path(CRM_DATA) / "sales_pipeline.csv", CRM_MAPPING, report=str(tmp_path / "report.csv"))

        assert Signal.objects.count() == 13_923
        counts = {
            name: Signal.objects.filter(type=name).count()
            for name in ("opportunity_created", "opportunity_won", "opportunity_lost")
        }
        assert counts == {
            "opportunity_created": 7_212,
            "opportunity_won": 4_238,
            "opportunity_lost": 2_473,
        }
        reasons = [reason for _, _, reason in _report(tmp_path / "report.csv")]
        assert {reason: reasons.count(reason) for reason in set(reasons)} == {
            "missing_account": 1_425,
            "missing_engage_date": 500,
            "decide_product": 1_480,
        }
        assert "1,588  gave none" in out
        assert Signal.objects.values("account").distinct().count() == 85


def test_the_documented_mapping_is_valid(tmp_path):
    path = tmp_path / "pipeline.csv"
    path.write_text(
        "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value,"
        "engage_quarter,close_quarter\n"
        "ZZ1,Jo Lee,MG Special,Kite Works,Won,03-02-17,09-05-17,55,Q1 2017,Q2 2017\n"
        "ZZ2,Jo Lee,GTXPro,,Engaging,03-02-17,,,Q1 2017,\n",
        encoding="utf-8",
    )

    out, _ = _run(path, CRM_MAPPING)

    assert "2  accepted" in out
    assert "1  missing_account" in out
    assert "1  product 'GTXPro'" in out
