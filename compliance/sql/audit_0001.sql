-- The application may insert, but id, recorded_at and txid are the database's: nobody backdates a row.
REVOKE INSERT ON audit_logs FROM revctx_app;
GRANT INSERT (occurred_at, name, actor, target_type, target_id, account_id, request_id, payload)
    ON audit_logs TO revctx_app;

CREATE VIEW audit_events WITH (security_invoker = true) AS
    SELECT id, recorded_at, txid, occurred_at, name, actor, target_type, target_id, account_id, request_id,
           payload
    FROM audit_logs;
-- A plain view is writable, and default privileges would let the application write through it.
REVOKE ALL ON audit_events FROM PUBLIC, revctx_app;
GRANT SELECT ON audit_events TO revctx_app, revctx_auditor;
GRANT SELECT ON audit_logs TO revctx_auditor;
