"""The database's own refusals: append-only decisions, and no execution without an approval of that text."""

from django.db import migrations

from compliance.partitions import MakeAppendOnly

# Reads `approvals` with the rights of the caller, who may read it.
GUARD = """
CREATE FUNCTION orchestration_guard_action() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    newest public.approvals;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'pending' THEN
            RAISE EXCEPTION 'an action begins as pending' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state = OLD.state THEN
        IF NEW.content_hash <> OLD.content_hash AND OLD.state <> 'pending' THEN
            RAISE EXCEPTION 'the text of a decided action cannot change' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.version <= OLD.version THEN
        RAISE EXCEPTION 'a move raises the version' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state IN ('executed', 'failed', 'unknown') AND OLD.state NOT IN ('executing', 'unknown') THEN
        RAISE EXCEPTION '% is reached from executing or unknown only', NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state NOT IN ('pending', 'approved', 'executing', 'unknown')
       OR (OLD.state IN ('executing', 'unknown') AND NEW.state NOT IN ('executed', 'failed', 'unknown')) THEN
        RAISE EXCEPTION 'no move leads from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state IN ('approved', 'executing') THEN
        SELECT * INTO newest FROM public.approvals WHERE action_id = NEW.id ORDER BY id DESC LIMIT 1;
        IF newest.decision IS DISTINCT FROM 'approved' OR newest.content_hash <> NEW.content_hash
           OR newest.revision <> NEW.revision OR (NEW.state = 'executing' AND OLD.state <> 'approved') THEN
            RAISE EXCEPTION 'nobody approved exactly this text' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER orchestration_guard_action BEFORE INSERT OR UPDATE ON actions
FOR EACH ROW EXECUTE FUNCTION orchestration_guard_action();
"""
UNGUARD = """
DROP TRIGGER orchestration_guard_action ON actions;
DROP FUNCTION orchestration_guard_action();
"""


class Migration(migrations.Migration):
    """Append-only tables and the guard of actions."""

    dependencies = [("orchestration", "0001_initial"), ("compliance", "0001_initial")]

    operations = [
        MakeAppendOnly("Approval"),
        MakeAppendOnly("ActionMove"),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
