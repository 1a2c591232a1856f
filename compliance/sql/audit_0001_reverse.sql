DROP VIEW audit_events;
