-- Times are microseconds since 1970, UTC. The body comes last: what stands behind a long text is slow to reach.
CREATE TABLE messages (
    number     INTEGER PRIMARY KEY,
    queue      TEXT    NOT NULL,
    id         BLOB    NOT NULL,
    sent_at    INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    receives   INTEGER NOT NULL DEFAULT 0,
    died_at    INTEGER,
    reason     TEXT,
    body       TEXT    NOT NULL
) STRICT;

CREATE INDEX messages_by_visibility ON messages (queue, visible_at);

-- The few that may be exhausted, so that they are found without a look at all that wait.
CREATE INDEX messages_by_receives ON messages (queue, receives) WHERE receives > 0;
