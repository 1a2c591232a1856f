-- As in consent_0001.sql, but by the clock: a statement that waits for the person's lock must not see a consent
-- that ran out meanwhile as one in force.
CREATE OR REPLACE FUNCTION revctx_consent_stands(person uuid, for_purpose text, by_channel text, revision uuid)
RETURNS boolean LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM (
            SELECT id, status, expires_at FROM public.consent_revisions
            WHERE subject_id = person AND purpose = for_purpose AND channel = by_channel
            ORDER BY number DESC LIMIT 1
        ) AS newest
        WHERE newest.id = revision AND newest.status = 'granted'
          AND (newest.expires_at IS NULL OR newest.expires_at > clock_timestamp())
    ) AND EXISTS (SELECT FROM public.subjects WHERE id = person AND erased_at IS NULL)
$$;
