-- Why nothing may be sent to a person now, or NULL if it may. For triggers that guard the sending of anything.
-- Takes the lock that grants, withdrawals, erasures and suppressions of this person take, so none of them can
-- slip in before the caller's transaction ends; every look happens after the lock, under a snapshot of its own.
CREATE FUNCTION revctx_consent_refusal(person uuid, for_purpose text, by_channel text)
RETURNS text LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    holder public.subjects;
    newest public.consent_decisions;
BEGIN
    -- Any other level would look through the snapshot of before the lock.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN 'stale_snapshot';
    END IF;
    SELECT * INTO holder FROM public.subjects WHERE id = person FOR NO KEY UPDATE;
    IF holder.id IS NULL THEN
        RETURN 'unknown_subject';
    END IF;
    IF holder.erased_at IS NOT NULL THEN
        RETURN 'erased';
    END IF;
    IF EXISTS (SELECT FROM public.suppressions
               WHERE address_hash = holder.suppression_hash AND lifted_at IS NULL) THEN
        RETURN 'suppressed';
    END IF;
    SELECT * INTO newest FROM public.consent_decisions
    WHERE subject_id = person AND purpose = for_purpose AND channel = by_channel ORDER BY id DESC LIMIT 1;
    IF newest.id IS NULL THEN
        RETURN 'no_decision';
    END IF;
    IF NOT newest.allowed THEN
        RETURN 'denied';
    END IF;
    IF newest.recorded_at < clock_timestamp() - interval '60 seconds' THEN
        RETURN 'decision_too_old';
    END IF;
    IF NOT public.revctx_consent_stands(person, for_purpose, by_channel, newest.revision_id) THEN
        RETURN 'consent_changed';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION revctx_consent_refusal(uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION revctx_consent_refusal(uuid, text, text) TO revctx_app;

-- The database alone says when a decision was recorded.
REVOKE INSERT ON consent_decisions FROM revctx_app;
GRANT INSERT (subject_id, purpose, channel, allowed, reason, revision_id, policy_id, actor, decided_at)
    ON consent_decisions TO revctx_app;
GRANT SELECT ON consent_decisions, consent_policies TO revctx_auditor;
