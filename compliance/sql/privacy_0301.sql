-- The vault: the application puts keys in and deletes them, but cannot read one.
REVOKE ALL ON privacy_vault FROM PUBLIC, revctx_app;
GRANT INSERT, DELETE ON privacy_vault TO revctx_app;
GRANT SELECT (subject_id, shred_at) ON privacy_vault TO revctx_app;

-- The cluster on which this database was made needs no journal applied.
INSERT INTO privacy_cluster_mark (id, cluster, applied_at)
SELECT 1, (SELECT system_identifier FROM pg_control_system())::text || '/' ||
          (SELECT timeline_id FROM pg_control_checkpoint())::text, now();

GRANT SELECT ON privacy_requests, privacy_targets, privacy_certificates, privacy_restrictions TO revctx_auditor;
