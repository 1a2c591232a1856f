"""Let no e-mail begin to execute without a live consent, and never refuse to record what a provider did."""

from django.db import migrations

# Reads `approvals` with the rights of the caller, who may read it; what consent demands is compliance's
# to say, by its one function, which locks the person until the transaction ends.
GUARD = """
CREATE OR REPLACE FUNCTION orchestration_guard_action() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    newest public.approvals;
    refusal text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'pending' THEN
            RAISE EXCEPTION 'an action begins as pending' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    -- The provider was called: whatever came of it is recorded, before any rule has a say.
    IF OLD.state IN ('executing', 'unknown') AND NEW.state IN ('executed', 'failed', 'unknown') THEN
        RETURN NEW;
    END IF;
    IF NEW.kind <> OLD.kind OR NEW.subject_id IS DISTINCT FROM OLD.subject_id THEN
        RAISE EXCEPTION 'kind and reader of an action cannot change' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = OLD.state THEN
        IF (NEW.content_hash <> OLD.content_hash OR NEW.revision <> OLD.revision) AND OLD.state <> 'pending' THEN
            RAISE EXCEPTION 'the text of a decided action cannot change' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.version <= OLD.version THEN
        RAISE EXCEPTION 'a move raises the version' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state IN ('executed', 'failed', 'unknown') THEN
        RAISE EXCEPTION '% is reached from executing or unknown only', NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state NOT IN ('pending', 'approved') THEN
        RAISE EXCEPTION 'no move leads from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state IN ('approved', 'executing') THEN
        SELECT * INTO newest FROM public.approvals WHERE action_id = NEW.id ORDER BY id DESC LIMIT 1;
        IF newest.decision IS DISTINCT FROM 'approved' OR newest.content_hash <> NEW.content_hash
           OR newest.revision <> NEW.revision OR (NEW.state = 'executing' AND OLD.state <> 'approved') THEN
            RAISE EXCEPTION 'nobody approved exactly this text' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF NEW.state = 'executing' AND NEW.kind <> 'review_task' THEN
        refusal := public.revctx_consent_refusal(NEW.subject_id, 'outreach', 'email');
        IF refusal IS NOT NULL THEN
            RAISE EXCEPTION 'no live consent: %', refusal USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
"""
# What 0002_guards installed.
BEFORE = """
CREATE OR REPLACE FUNCTION orchestration_guard_action() RETURNS trigger
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
"""


class Migration(migrations.Migration):
    """The guard of actions, now with consent."""

    dependencies = [("orchestration", "0002_guards"), ("compliance", "0202_consent_guard")]

    operations = [migrations.RunSQL(GUARD, BEFORE)]
