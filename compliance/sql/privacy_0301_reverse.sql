DELETE FROM privacy_cluster_mark;
GRANT SELECT, UPDATE ON privacy_vault TO revctx_app;
