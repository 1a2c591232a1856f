"""Which states of this app have no audit row: one statement each, see ``compliance.reconciliation``."""

ACCOUNTS = """
SELECT c.id::text FROM contexts_account c
WHERE c.created_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = c.id::text AND a.name = 'account.created')
"""
# Every crossing, and the band that each account is in: it begins as cold, and the newest row says the rest.
CONTEXTS = """
SELECT c.account_id::text FROM contexts_crossing c
WHERE c.crossed_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = c.account_id::text AND a.name = 'context.updated'
    AND (a.payload->>'version')::bigint = c.version)
UNION
SELECT s.account_id::text FROM account_contexts s
WHERE s.scored_at >= %(since)s AND s.band <> coalesce((
    SELECT a.payload->>'new_band' FROM audit_logs a
    WHERE a.target_id = s.account_id::text AND a.name = 'context.updated'
    ORDER BY (a.payload->>'version')::bigint DESC LIMIT 1), 'cold')
"""
RETRACTIONS = """
SELECT r.signal_id::text FROM contexts_retraction r
WHERE r.retracted_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = r.signal_id::text AND a.name = 'evidence.retracted')
"""
# The first activation comes with the table. The pointer stands on the newest: nothing else moves it.
ACTIVATIONS = """
SELECT c.id::text FROM contexts_configactivation c
WHERE c.activated_at >= %(since)s AND c.actor <> 'system:migration' AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_type = 'config_activation' AND a.target_id = c.id::text
    AND a.name = 'config.activated')
UNION
SELECT p.activation_id::text FROM contexts_activeconfig p
WHERE p.activation_id <> (SELECT max(c.id) FROM contexts_configactivation c)
"""
ROLLOUTS = """
SELECT r.id::text FROM contexts_configrollout r, unnest(
    CASE r.phase WHEN 'done' THEN '{started,finished}' WHEN 'superseded' THEN '{started,superseded}'
        ELSE '{started}' END::text[]) AS step
WHERE coalesce(r.finished_at, 'infinity') >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_type = 'config_rollout' AND a.target_id = r.id::text
    AND a.name = 'config_rollout.' || step)
"""
REPLAYS = """
SELECT r.id::text FROM contexts_replayrun r, unnest(
    CASE WHEN r.finished_at IS NULL THEN '{started}' WHEN r.phase = 'done' THEN '{started,finished}'
        ELSE '{started,given_up}' END::text[]) AS step
WHERE coalesce(r.finished_at, 'infinity') >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_type = 'context_replay' AND a.target_id = r.id::text
    AND a.name = 'context_replay.' || step)
"""
# An account that counts as another must have its merge; the account itself keeps no time of it.
MERGES = """
SELECT m.id::text FROM contexts_identitymerge m,
    (VALUES ('merged'), ('split')) AS step(name),
    LATERAL (SELECT CASE step.name WHEN 'merged' THEN m.merged_at ELSE m.undone_at END) AS t(at)
WHERE t.at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = m.id::text AND a.name = m.kind || '.' || step.name)
UNION
SELECT c.id::text FROM contexts_account c
WHERE c.merged_into_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM contexts_identitymerge m
    WHERE m.kind = 'account' AND m.merged_id = c.id AND m.undone_at IS NULL)
"""
# What became of a pair; a merge closes its pairs by its own row, and the statement above asks for that.
CANDIDATES = """
SELECT c.id::text FROM contexts_mergecandidate c
WHERE c.created_at >= %(since)s AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = c.id::text AND a.name = 'match.noted')
UNION
SELECT c.id::text FROM contexts_mergecandidate c
WHERE c.decided_at >= %(since)s AND c.state IN ('dismissed', 'failed') AND NOT EXISTS (
    SELECT FROM audit_logs a WHERE a.target_id = c.id::text AND a.name = 'match.' || c.state)
"""
OWN = {
    "account": ACCOUNTS,
    "context": CONTEXTS,
    "retraction": RETRACTIONS,
    "activation": ACTIVATIONS,
    "rollout": ROLLOUTS,
    "context replay": REPLAYS,
    "identity merge": MERGES,
    "merge candidate": CANDIDATES,
}
