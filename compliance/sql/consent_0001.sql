-- Whether a consent decision still holds: the revision it names is the person's newest on that purpose and
-- channel, is a grant in force, and the person is not erased. For triggers that guard the sending of anything.
CREATE FUNCTION revctx_consent_stands(person uuid, for_purpose text, by_channel text, revision uuid)
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
REVOKE ALL ON FUNCTION revctx_consent_stands(uuid, text, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION revctx_consent_stands(uuid, text, text, uuid) TO revctx_app;
GRANT SELECT ON consent_revisions TO revctx_auditor;
