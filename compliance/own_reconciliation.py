"""Which states of this app have no audit row: one statement each, see ``reconciliation``.

The application writes the time of a transition into its row and into the audit log alike, so that times tell
which of several rows of one person is meant.
"""

CONSENTS = """
SELECT r.id::text FROM consent_revisions r
WHERE r.recorded_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = r.subject_id::text AND a.name = 'consent.' || r.status
    AND a.txid = r.txid AND a.payload->>'revision_id' = r.id::text)
"""
ERASURES = """
SELECT s.id::text FROM subjects s
WHERE s.erased_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = s.id::text AND a.name = 'subject.erased')
"""
LIFTED = """
SELECT s.id::text FROM suppressions s
WHERE s.lifted_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = s.id::text AND a.name = 'suppression.lifted')
"""
VERIFICATIONS = """
SELECT v.id::text FROM audit_verifications v, unnest(
    CASE WHEN v.finished_at IS NULL THEN '{requested}' ELSE '{requested,finished}' END::text[]) AS step
WHERE v.requested_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = v.id::text AND a.name = 'audit_verification.' || step)
"""
RETIREMENTS = """
SELECT r.month::text FROM audit_retirements r
WHERE r.recorded_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a
    WHERE a.target_id = to_char(r.month, 'YYYY-MM') AND a.name = 'audit_month.retired')
"""
ROTATIONS = """
SELECT k.key_id FROM audit_keys k
WHERE k.added_at >= %(since)s AND k.rotation <> '' AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = k.key_id AND a.name = 'audit_key.rotated')
"""
# What was done to a request, and where its newest move left it; rows about other things tell no state.
PRIVACY_REQUESTS = """
SELECT r.id::text FROM privacy_requests r, unnest(array_remove(ARRAY[
    'received', CASE WHEN r.verified_at IS NOT NULL THEN 'verified' END,
    CASE WHEN r.confirmed_at IS NOT NULL THEN 'confirmed' END,
    CASE WHEN r.extension_reason <> '' THEN 'extended' END,
    CASE WHEN r.pre_erasure_notice_at IS NOT NULL THEN 'noticed' END], NULL)) AS step
WHERE r.updated_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = r.id::text AND a.name = 'privacy_request.' || step)
UNION
SELECT r.id::text FROM privacy_requests r
WHERE r.updated_at >= %(since)s AND r.state IS DISTINCT FROM (
    SELECT a.payload->>'state' FROM audit_logs a
    WHERE a.target_id = r.id::text AND a.name LIKE 'privacy_request.%%' AND a.payload ? 'state'
    ORDER BY a.id DESC LIMIT 1)
"""
PRIVACY_TARGETS = """
SELECT t.request_id || ' ' || t.name FROM privacy_targets t JOIN privacy_requests r ON r.id = t.request_id
WHERE t.state <> 'pending' AND greatest(r.updated_at, t.acknowledged_at) >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = t.request_id::text AND a.name = 'privacy_target.' || t.state
    AND a.payload->>'target' = t.name)
"""
RESTRICTIONS = """
SELECT r.id::text FROM privacy_restrictions r,
    (VALUES ('subject.restricted'), ('subject.unrestricted')) AS step(name),
    LATERAL (SELECT CASE step.name
        WHEN 'subject.restricted' THEN r.restricted_at ELSE r.lifted_at END) AS t(at)
WHERE t.at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = r.subject_id::text AND a.name = step.name
    AND a.occurred_at = t.at)
"""
SUBJECT_LINKS = """
SELECT l.id::text FROM subject_links l,
    (VALUES ('subject.linked'), ('subject.unlinked')) AS step(name),
    LATERAL (SELECT CASE step.name WHEN 'subject.linked' THEN l.linked_at ELSE l.unlinked_at END) AS t(at)
WHERE t.at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = l.subject_id::text AND a.name = step.name
    AND a.payload->>'link_id' = l.id::text)
"""
# A decision to tell nobody keeps no time, so an open breach is asked about as a whole.
BREACHES = """
SELECT b.id::text FROM breaches b, unnest(array_remove(ARRAY[
    'recorded',
    CASE WHEN b.authority_notified_at IS NOT NULL THEN 'reported'
        WHEN b.authority_code <> '' THEN 'report_waived' END,
    CASE WHEN b.persons_told_at IS NOT NULL THEN 'persons_told'
        WHEN b.persons_code <> '' THEN 'telling_waived' END,
    CASE WHEN b.closed_at IS NOT NULL THEN 'closed' END], NULL)) AS step
WHERE coalesce(b.closed_at, 'infinity') >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = b.id::text AND a.name = 'breach.' || step)
"""
OWN = {
    "consent": CONSENTS,
    "erasure": ERASURES,
    "suppression": LIFTED,
    "verification": VERIFICATIONS,
    "retirement": RETIREMENTS,
    "key rotation": ROTATIONS,
    "privacy request": PRIVACY_REQUESTS,
    "privacy target": PRIVACY_TARGETS,
    "restriction": RESTRICTIONS,
    "subject link": SUBJECT_LINKS,
    "breach": BREACHES,
}
