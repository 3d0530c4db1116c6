-- Times are microseconds since 1970, UTC.
CREATE TABLE windows (
    id        INTEGER PRIMARY KEY,
    service   TEXT    NOT NULL,
    budget    TEXT    NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at   INTEGER NOT NULL,
    UNIQUE (service, budget, starts_at)
) STRICT;

CREATE TABLE places (
    window_id INTEGER NOT NULL,
    user_id   INTEGER NOT NULL,
    turn      INTEGER NOT NULL,
    seat      INTEGER NOT NULL,
    units     INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (window_id, user_id, turn),
    UNIQUE (window_id, seat)
) STRICT, WITHOUT ROWID;
