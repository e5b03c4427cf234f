-- Up Migration

-- Agents and their input schemas, remembered from Hello: an unknown agent or a bad input is refused at accept, also when no
-- worker is there.
CREATE TABLE agents (
  name         text COLLATE "C" NOT NULL,
  version      text COLLATE "C" NOT NULL,
  input_schema text NOT NULL,
  max_attempts int NOT NULL,
  max_crashes  int NOT NULL,
  retry_base_ms int NOT NULL,
  retry_cap_ms int NOT NULL,
  lease_ms     int NOT NULL,
  last_seen_at timestamptz NOT NULL,
  PRIMARY KEY (name, version)
);

-- How far the log has been published on JetStream, and on which stream.
CREATE TABLE feed_checkpoint (
  singleton      boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  position       bigint NOT NULL,
  stream_created text NOT NULL,
  last_sequence  bigint NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON agents, feed_checkpoint TO morningai_app;
