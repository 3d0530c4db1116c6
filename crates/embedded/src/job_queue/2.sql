-- Bodies are sealed. Those that were stored before have no key until the program has sealed them, when it opens the file.
ALTER TABLE messages RENAME TO plain_messages;
DROP INDEX messages_by_visibility;
DROP INDEX messages_by_receives;

-- A body is sealed for the id that its message was sent with, which stays when dead letters are sent again. An empty key is that of a
-- plain text. A message that was stored before has no trace. The body comes last: what stands behind a long text is slow to reach.
CREATE TABLE messages (
    number     INTEGER PRIMARY KEY,
    queue      TEXT    NOT NULL,
    id         BLOB    NOT NULL,
    sent_at    INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    receives   INTEGER NOT NULL DEFAULT 0,
    died_at    INTEGER,
    reason     TEXT,
    sealed_for BLOB    NOT NULL,
    key_id     TEXT    NOT NULL,
    trace      TEXT,
    body       BLOB    NOT NULL
) STRICT;

INSERT INTO messages
SELECT number, queue, id, sent_at, visible_at, receives, died_at, reason, id, '', NULL, CAST(body AS BLOB) FROM plain_messages;

DROP TABLE plain_messages;

CREATE INDEX messages_by_visibility ON messages (queue, visible_at);

-- The few that may be exhausted, so that they are found without a look at all that wait.
CREATE INDEX messages_by_receives ON messages (queue, receives) WHERE receives > 0;
