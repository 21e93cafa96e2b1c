CREATE TABLE config_revision (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	at       INTEGER NOT NULL, -- Unix time in microseconds, as all times here
	actor    TEXT    NOT NULL,
	comment  TEXT    NOT NULL,
	document BLOB    NOT NULL,
	started  INTEGER NOT NULL  -- 1: has run on this box
);
CREATE TABLE user (
	name       TEXT PRIMARY KEY,
	role       TEXT    NOT NULL,
	language   TEXT    NOT NULL,
	password   TEXT    NOT NULL, -- encoded hash, empty for none
	last_login INTEGER NOT NULL  -- 0: never
) WITHOUT ROWID;
CREATE TABLE user_key (
	user        TEXT NOT NULL REFERENCES user(name) ON DELETE CASCADE,
	fingerprint TEXT NOT NULL,
	comment     TEXT NOT NULL,
	line        TEXT NOT NULL,
	PRIMARY KEY (user, fingerprint)
) WITHOUT ROWID;
CREATE TABLE token (
	id      TEXT PRIMARY KEY,
	name    TEXT    NOT NULL,
	role    TEXT    NOT NULL,
	author  TEXT    NOT NULL,
	hash    BLOB    NOT NULL,
	created INTEGER NOT NULL,
	expires INTEGER NOT NULL, -- 0: never
	used    INTEGER NOT NULL  -- 0: never
) WITHOUT ROWID;
CREATE TABLE login_lock (
	key   TEXT PRIMARY KEY,
	locks INTEGER NOT NULL,
	until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE event (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	at     INTEGER NOT NULL,
	kind   TEXT    NOT NULL,
	actor  TEXT    NOT NULL,
	object TEXT    NOT NULL,
	text   TEXT    NOT NULL
);
CREATE TABLE alarm (
	id       INTEGER PRIMARY KEY,
	code     TEXT    NOT NULL,
	severity INTEGER NOT NULL,
	object   TEXT    NOT NULL,
	detail   TEXT    NOT NULL,
	raised   INTEGER NOT NULL,
	cleared  INTEGER NOT NULL, -- 0: still raised
	acked_by TEXT    NOT NULL,
	acked    INTEGER NOT NULL  -- 0: not acknowledged
);
CREATE TABLE state (
	key   TEXT PRIMARY KEY,
	value BLOB NOT NULL
) WITHOUT ROWID;
