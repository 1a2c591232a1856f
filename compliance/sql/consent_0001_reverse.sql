DROP FUNCTION revctx_consent_stands(uuid, text, text, uuid);
