DROP FUNCTION revctx_consent_refusal(uuid, text, text);
REVOKE SELECT ON consent_decisions, consent_policies FROM revctx_auditor;
