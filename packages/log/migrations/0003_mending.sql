-- Up Migration

-- What replay and the healing of single tasks need. `events` is the truth; here the other tables are set to what it gives. Who may append
-- may call these, and so may write rows that it could not write by itself; each is checked against the log, under the append lock.

-- Sets these tasks, at most 500, to what was folded from the log, unless the log has gone on since. `wanted`: {"versions": [{id, version}],
-- "tasks": [row of tasks], "outcomes": [row], "submissions": [row]}; version 0 and no row: the log knows no such task. Returns which
-- are settled; the others have moved and must be folded again.
CREATE FUNCTION mend_tasks(wanted json) RETURNS uuid[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
  settled uuid[];
BEGIN
  IF json_array_length(wanted -> 'versions') > 500 THEN
    RAISE EXCEPTION 'over 500 tasks at once' USING ERRCODE = 'program_limit_exceeded';
  END IF;
  PERFORM take_append_lock();
  SELECT coalesce(array_agg(w.id ORDER BY w.id), '{}') INTO settled
  FROM json_to_recordset(wanted -> 'versions') AS w(id uuid, version int)
  WHERE w.version = coalesce(
    (SELECT e.version FROM events e WHERE e.stream = 'task/' || w.id ORDER BY e.version DESC LIMIT 1), 0);

  DELETE FROM tasks t WHERE t.id = ANY (settled);
  INSERT INTO tasks SELECT r.* FROM json_populate_recordset(NULL::tasks, wanted -> 'tasks') r WHERE r.id = ANY (settled);
  DELETE FROM outcomes o WHERE o.task_id = ANY (settled);
  INSERT INTO outcomes
  SELECT r.* FROM json_populate_recordset(NULL::outcomes, wanted -> 'outcomes') r WHERE r.task_id = ANY (settled);
  INSERT INTO submissions AS s
  SELECT r.* FROM json_populate_recordset(NULL::submissions, wanted -> 'submissions') r WHERE r.task_id = ANY (settled)
  ON CONFLICT (tenant, idempotency_key) DO UPDATE SET task_id = excluded.task_id, request_digest = excluded.request_digest;
  RETURN settled;
END $$;

-- Idempotency keys that no submission in the log used are given free. Returns how many.
CREATE FUNCTION drop_submissions(tenants text[], keys text[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
  dropped int;
BEGIN
  PERFORM take_append_lock();
  DELETE FROM submissions s USING unnest(tenants, keys) AS k(tenant, key)
  WHERE s.tenant = k.tenant AND s.idempotency_key = k.key
    AND NOT EXISTS (
      SELECT FROM events e WHERE e.stream = 'task/' || s.task_id AND e.version = 1 AND e.tenant = s.tenant
        AND e.data ->> 'idempotencyKey' = s.idempotency_key);
  GET DIAGNOSTICS dropped = ROW_COUNT;
  RETURN dropped;
END $$;

-- The versions of these streams, none of them a task's, become those of the log.
CREATE FUNCTION mend_streams(names text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
  PERFORM take_append_lock();
  DELETE FROM streams s WHERE s.stream = ANY (names);
  INSERT INTO streams
  SELECT n.name, e.version
  FROM unnest(names) AS n(name)
  CROSS JOIN LATERAL (SELECT e.version FROM events e WHERE e.stream = n.name ORDER BY e.version DESC LIMIT 1) e
  WHERE n.name NOT LIKE 'task/%';
END $$;

-- Adds what the counters lacked on one snapshot of the log. Appends since have added to both sides alike, so it still is what they
-- lack, unless another replay has added it too: hence the snapshot must still be there, with the lock that only one replay holds.
CREATE FUNCTION mend_counters(replay_pid int, keys text[], changes bigint[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
  PERFORM take_append_lock();
  IF NOT EXISTS (
    SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.pid = replay_pid AND l.granted
      AND (l.classid::bigint << 32 | l.objid::bigint) = 7233641904616
  ) THEN
    RETURN false;
  END IF;
  INSERT INTO counters AS c (key, value)
  SELECT k.key, k.change FROM unnest(keys, changes) AS k(key, change)
  ON CONFLICT (key) DO UPDATE SET value = c.value + excluded.value;
  DELETE FROM counters c WHERE c.key = ANY (keys) AND c.value = 0;
  RETURN true;
END $$;

-- A counter that is 0 says the same as none. Without this, each concurrency key that was ever used would keep a row.
CREATE FUNCTION drop_empty_counters(keys text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
  PERFORM take_append_lock();
  DELETE FROM counters c WHERE c.key = ANY (keys) AND c.value = 0;
END $$;

REVOKE EXECUTE ON FUNCTION mend_tasks, drop_submissions, mend_streams, mend_counters, drop_empty_counters FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mend_tasks, drop_submissions, mend_streams, mend_counters, drop_empty_counters TO morningai_app;
