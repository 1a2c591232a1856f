CREATE OR REPLACE FUNCTION revctx_consent_stands(person uuid, for_purpose text, by_channel text, revision uuid)
RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM (
            SELECT id, status, expires_at FROM public.consent_revisions
            WHERE subject_id = person AND purpose = for_purpose AND channel = by_channel
            ORDER BY number DESC LIMIT 1
        ) AS newest
        WHERE newest.id = revision AND newest.status = 'granted'
          AND (newest.expires_at IS NULL OR newest.expires_at > statement_timestamp())
    ) AND EXISTS (SELECT FROM public.subjects WHERE id = person AND erased_at IS NULL)
$$;
