-- The peers' tables, beside the product's in the same cluster. Indexes: the unique key that finds repeated
-- events and one by time; ours keep five and a key table besides.
CREATE SCHEMA peer;
CREATE TABLE peer.signals (
    id uuid PRIMARY KEY,
    received_at timestamptz NOT NULL,
    occurred_at timestamptz NOT NULL,
    source varchar(64) NOT NULL,
    type varchar(64) NOT NULL,
    external_id varchar(500) NOT NULL,
    account jsonb NOT NULL,
    strength double precision NOT NULL,
    attributes jsonb NOT NULL,
    UNIQUE (source, external_id)
);
CREATE INDEX ON peer.signals (occurred_at DESC, id);
CREATE TABLE peer.audit_logs (
    id uuid PRIMARY KEY,
    recorded_at timestamptz NOT NULL,
    name text NOT NULL,
    actor text NOT NULL,
    target_type text NOT NULL,
    target_id text NOT NULL,
    request_id text NOT NULL,
    payload jsonb NOT NULL
);
CREATE INDEX ON peer.audit_logs (target_id);
CREATE TABLE peer.tokens (digest bytea PRIMARY KEY, actor text NOT NULL);
CREATE TABLE peer.accounts (
    reference varchar(200) PRIMARY KEY,
    score double precision NOT NULL,
    scored_at timestamptz NOT NULL,
    signals integer NOT NULL
);
GRANT USAGE ON SCHEMA peer TO revctx_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA peer TO revctx_app;
