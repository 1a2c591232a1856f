-- Append-only tables. Trigger and privileges guard separately: the trigger also stops the owner,
-- the privileges also stop whoever could disable a trigger.

CREATE FUNCTION revctx_refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of append-only table % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

-- ALWAYS, because an ordinary trigger sleeps under session_replication_role = replica.
CREATE FUNCTION revctx_make_append_only(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER revctx_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION public.revctx_refuse_change()', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER revctx_append_only', target);
    EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %s FROM PUBLIC, revctx_app', target);
END $$;

REVOKE ALL ON FUNCTION revctx_make_append_only(regclass) FROM PUBLIC;
