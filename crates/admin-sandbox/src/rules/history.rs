//! The messages that the service keeps for each user, to be read again on another device.
//!
//! They live in SQLite, so that memory stays flat however many there are: in a file beside the state file, or in a temporary
//! one that goes with the process. What a message says is not looked into.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::notes::Notes;

/// All that is kept takes no more bytes on disk than this, more or less; beyond it the oldest goes, whosever it is.
const MOST_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// How many messages are kept between two looks at how many bytes they take.
const LOOK_EVERY: u32 = 1_024;

/// The owner of what is kept once for all, as the messages of a thread are.
pub(crate) const SHARED: &str = "";

/// A row in `messages` is a message; one in `kept` says that a user has it in a conversation.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, sender TEXT NOT NULL, message BLOB NOT NULL, notes TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS messages_by_time ON messages (at_ms);
    CREATE TABLE IF NOT EXISTS kept (
        user TEXT NOT NULL, other TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (user, other, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS kept_by_message ON kept (id);
";

/// A message that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: u64,
    pub(crate) at_ms: u64,
    pub(crate) sender: String,
    /// The message as devices get it.
    pub(crate) message: Arc<[u8]>,
    /// What became of it since it was sent.
    pub(crate) notes: Notes,
}

/// What is kept of all users: by the user, and by the other side, which may be a group.
pub(crate) struct History {
    db: Connection,
    since_look: u32,
}

/// A user, and the other side of a conversation.
pub(crate) type Side = (String, String);

/// Which messages somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Beyond this message, which is not wanted itself; from the end if none.
    pub(crate) beyond: Option<u64>,
    /// At most so many.
    pub(crate) most: usize,
    /// From old to new, instead of from new to old.
    pub(crate) ascending: bool,
}

impl Default for History {
    fn default() -> Self {
        // An empty name is a file that SQLite makes, and removes when it is closed.
        Self::open_at("").unwrap_or_else(|error| panic!("SQLite cannot open a temporary file: {error}"))
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").finish_non_exhaustive()
    }
}

impl History {
    /// Opens what a file keeps, which is made if it is not there.
    ///
    /// # Errors
    /// When the file cannot be used, or is not SQLite's.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        Self::open_at(path)
    }

    fn open_at(path: impl AsRef<Path>) -> rusqlite::Result<Self> {
        let db = Connection::open(path)?;
        // What a killed process wrote is there; only a computer that loses power may lose the last messages.
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")?;
        db.execute_batch(TABLES)?;
        db.execute_batch(super::files::TABLE)?;
        Ok(Self { db, since_look: 0 })
    }

    /// Returns the connection, for what else is kept beside messages.
    pub(super) fn db(&self) -> &Connection {
        &self.db
    }

    /// Keeps a message for one user's side of a conversation.
    pub(crate) fn keep(&mut self, user: &str, other: &str, kept: &Kept) {
        let Kept {
            id,
            at_ms,
            sender,
            message,
            notes,
        } = kept;
        self.run(
            "INSERT OR IGNORE INTO messages (id, at_ms, sender, message, notes) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id, at_ms, sender, &message[..], notes],
        );
        self.run(
            "INSERT OR IGNORE INTO kept (user, other, id) VALUES (?1, ?2, ?3)",
            params![user, other, id],
        );
        self.since_look += 1;
        if self.since_look >= LOOK_EVERY {
            self.since_look = 0;
            self.make_room(MOST_BYTES);
        }
    }

    /// Drops the oldest eighth again and again, until the rest takes no more than so many bytes.
    fn make_room(&mut self, most: u64) {
        let pages = |name: &str| self.one::<u64>(&format!("PRAGMA {name}"), []).unwrap_or(0);
        while (pages("page_count") - pages("freelist_count")) * pages("page_size") > most {
            let middle =
                "SELECT id FROM messages ORDER BY id LIMIT 1 OFFSET (SELECT count(*) / 8 FROM messages)";
            let Some(until) = self.one::<u64>(middle, []) else {
                return;
            };
            self.run("DELETE FROM kept WHERE id <= ?1", [until]);
            if self.run("DELETE FROM messages WHERE id <= ?1", [until]) == 0 {
                return;
            }
        }
    }

    /// Returns what a user wants of a conversation, and whether there is no more beyond it.
    pub(crate) fn page(&self, user: &str, other: &str, wanted: Wanted) -> (Vec<Kept>, bool) {
        let (comparison, order, none) = if wanted.ascending {
            (">", "ASC", 0)
        } else {
            ("<", "DESC", u64::MAX >> 1)
        };
        let sql = format!(
            "SELECT m.id, m.at_ms, m.sender, m.message, m.notes FROM kept k JOIN messages m ON m.id = k.id
             WHERE k.user = ?1 AND k.other = ?2 AND k.id {comparison} ?3 ORDER BY k.id {order} LIMIT ?4"
        );
        let beyond = wanted.beyond.unwrap_or(none).min(u64::MAX >> 1);
        let mut found = self.all(&sql, params![user, other, beyond, wanted.most + 1], kept_of);
        let last = found.len() <= wanted.most;
        found.truncate(wanted.most);
        (found, last)
    }

    /// Returns a message.
    pub(crate) fn get(&self, id: u64) -> Option<Kept> {
        let sql = "SELECT id, at_ms, sender, message, notes FROM messages WHERE id = ?1";
        self.all(sql, [id.min(u64::MAX >> 1)], kept_of).pop()
    }

    /// Returns the newest message of a user's side of a conversation.
    pub(crate) fn newest(&self, user: &str, other: &str) -> Option<Kept> {
        let wanted = Wanted {
            beyond: None,
            most: 1,
            ascending: false,
        };
        self.page(user, other, wanted).0.pop()
    }

    /// Returns the conversations of a user that have messages, with the id of the newest.
    pub(crate) fn conversations(&self, user: &str) -> Vec<(String, u64)> {
        // From one name to the next by the index, however many messages there are between them.
        let sql = "
            WITH RECURSIVE side (other) AS (
                SELECT min(other) FROM kept WHERE user = ?1
                UNION ALL
                SELECT (SELECT min(other) FROM kept WHERE user = ?1 AND other > side.other)
                FROM side WHERE side.other IS NOT NULL
            )
            SELECT other, (SELECT max(id) FROM kept WHERE user = ?1 AND other = side.other)
            FROM side WHERE other IS NOT NULL";
        self.all(sql, [user], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Returns how many messages of a conversation are newer than one of them and not a user's own; at most 1,000.
    pub(crate) fn count_after(&self, user: &str, other: &str, id: u64) -> u64 {
        let sql = "
            SELECT count(*) FROM (SELECT 1 FROM kept k JOIN messages m ON m.id = k.id
            WHERE k.user = ?1 AND k.other = ?2 AND k.id > ?3 AND m.sender <> ?1 LIMIT 1000)";
        self.one(sql, params![user, other, id]).unwrap_or(0)
    }

    /// Returns how many messages a side of a conversation has.
    pub(crate) fn count(&self, user: &str, other: &str) -> u64 {
        let sql = "SELECT count(*) FROM kept WHERE user = ?1 AND other = ?2";
        self.one(sql, params![user, other]).unwrap_or(0)
    }

    /// Returns the highest id.
    pub(crate) fn last_id(&self) -> u64 {
        self.one("SELECT coalesce(max(id), 0) FROM messages", [])
            .unwrap_or(0)
    }

    /// Returns the messages of a time, each once, oldest first.
    pub(crate) fn between(&self, from_ms: u64, until_ms: u64) -> Vec<Kept> {
        let sql = "
            SELECT id, at_ms, sender, message, notes FROM messages WHERE at_ms >= ?1 AND at_ms < ?2 ORDER BY id";
        self.all(sql, params![from_ms, until_ms], kept_of)
    }

    /// Returns who keeps a message for which conversation.
    pub(crate) fn sides_of(&self, id: u64) -> Vec<Side> {
        let sql = "SELECT user, other FROM kept WHERE id = ?1 ORDER BY user, other";
        self.all(sql, [id.min(u64::MAX >> 1)], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Writes down what became of a message, or what it says now.
    pub(crate) fn rewrite(&mut self, kept: &Kept) {
        self.run(
            "UPDATE messages SET message = ?2, notes = ?3 WHERE id = ?1",
            params![kept.id, &kept.message[..], kept.notes],
        );
    }

    /// Forgets a message of all users.
    pub(crate) fn forget_message(&mut self, id: u64) {
        self.run("DELETE FROM kept WHERE id = ?1", [id]);
        self.run("DELETE FROM messages WHERE id = ?1", [id]);
    }

    /// Forgets what a user has of a conversation up to a time.
    pub(crate) fn forget_until(&mut self, user: &str, other: &str, until_ms: u64) {
        let sql = "
            SELECT k.id FROM kept k JOIN messages m ON m.id = k.id WHERE k.user = ?1 AND k.other = ?2 AND m.at_ms <= ?3";
        let until_ms = until_ms.min(u64::MAX >> 1);
        let ids: Vec<u64> = self.all(sql, params![user, other, until_ms], |row| row.get(0));
        self.forget(user, other, &ids);
    }

    /// Forgets messages of a user's side of a conversation.
    pub(crate) fn forget(&mut self, user: &str, other: &str, ids: &[u64]) {
        for id in ids.iter().map(|id| (*id).min(u64::MAX >> 1)) {
            self.run(
                "DELETE FROM kept WHERE user = ?1 AND other = ?2 AND id = ?3",
                params![user, other, id],
            );
            self.run(
                "DELETE FROM messages WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM kept WHERE id = ?1)",
                [id],
            );
        }
    }

    /// Forgets all that is kept for a user.
    pub(crate) fn forget_user(&mut self, user: &str) {
        let others: Vec<String> = self
            .conversations(user)
            .into_iter()
            .map(|(other, _)| other)
            .collect();
        for other in others {
            self.forget_until(user, &other, u64::MAX);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.run("DELETE FROM kept", []);
        self.run("DELETE FROM messages", []);
        self.run("DELETE FROM files", []);
    }

    fn run(&self, sql: &str, params: impl Params) -> usize {
        let done = self
            .db
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params));
        told(done).unwrap_or(0)
    }

    fn one<T: FromSql>(&self, sql: &str, params: impl Params) -> Option<T> {
        let found = self
            .db
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(params, |row| row.get(0)).optional());
        told(found).flatten()
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Vec<T> {
        let found = self
            .db
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(params, read)?.collect());
        told(found).unwrap_or_default()
    }
}

/// A message that cannot be kept, because the disk is full, is delivered all the same.
pub(super) fn told<T>(result: rusqlite::Result<T>) -> Option<T> {
    result
        .inspect_err(|error| tracing::error!(%error, "cannot use the kept messages"))
        .ok()
}

fn kept_of(row: &Row<'_>) -> rusqlite::Result<Kept> {
    Ok(Kept {
        id: row.get(0)?,
        at_ms: row.get(1)?,
        sender: row.get(2)?,
        message: row.get_ref(3)?.as_blob()?.into(),
        notes: row.get(4)?,
    })
}

impl ToSql for Notes {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = if *self == Self::default() {
            String::new()
        } else {
            serde_json::to_string(self).unwrap_or_default()
        };
        Ok(text.into())
    }
}

impl FromSql for Notes {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        // What another release wrote may not be readable; the message is.
        Ok(serde_json::from_str(value.as_str()?).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::default();
        for id in 1..=5 {
            history.keep("ann", "bob", &kept(id));
        }
        history
    }

    fn kept(id: u64) -> Kept {
        Kept {
            id,
            at_ms: id * 10,
            sender: "bob".into(),
            message: Arc::from([0_u8].as_slice()),
            notes: Notes::default(),
        }
    }

    fn ids(history: &History, beyond: Option<u64>, ascending: bool) -> (Vec<u64>, bool) {
        let wanted = Wanted {
            beyond,
            most: 2,
            ascending,
        };
        let (page, last) = history.page("ann", "bob", wanted);
        (page.iter().map(|kept| kept.id).collect(), last)
    }

    #[test]
    fn pages_go_both_ways_and_end() {
        let history = history();
        assert_eq!(ids(&history, None, false), (vec![5, 4], false));
        assert_eq!(ids(&history, Some(4), false), (vec![3, 2], false));
        assert_eq!(ids(&history, Some(2), false), (vec![1], true));
        assert_eq!(ids(&history, None, true), (vec![1, 2], false));
        assert_eq!(ids(&history, Some(3), true), (vec![4, 5], true));
        assert_eq!(ids(&history, Some(5), true), (vec![], true));
        assert_eq!(ids(&history, Some(u64::MAX), false), (vec![5, 4], false));
        assert_eq!(ids(&history, Some(u64::MAX), true), (vec![], true));
    }

    #[test]
    fn forgetting_is_one_sides_own_and_by_time_or_id() {
        let mut history = history();
        history.keep("bob", "ann", &kept(1));
        history.forget_until("ann", "bob", 20);
        assert_eq!(ids(&history, None, true), (vec![3, 4], false));
        history.forget("ann", "bob", &[4, 99, u64::MAX]);
        assert_eq!(ids(&history, None, true), (vec![3, 5], true));
        assert_eq!(history.count("bob", "ann"), 1);
        assert!(
            history.get(4).is_none() && history.get(1).is_some(),
            "nobody has it"
        );
    }

    #[test]
    fn a_message_that_both_sides_keep_is_found_once_by_its_time_and_twice_by_its_id() {
        let mut history = history();
        history.keep("bob", "ann", &kept(2));
        let ids: Vec<u64> = history.between(20, 40).iter().map(|kept| kept.id).collect();
        assert_eq!(ids, [2, 3]);
        let side = |user: &str, other: &str| (user.to_owned(), other.to_owned());
        assert_eq!(history.sides_of(2), [side("ann", "bob"), side("bob", "ann")]);
        history.forget_message(2);
        assert!(history.sides_of(2).is_empty() && history.sides_of(u64::MAX).is_empty());
    }

    #[test]
    fn conversations_have_their_newest_message_and_what_was_not_read() {
        let mut history = history();
        history.keep("ann", "eve", &kept(9));
        let mine = Kept {
            sender: "ann".into(),
            ..kept(10)
        };
        history.keep("ann", "eve", &mine);
        let expected = [("bob".to_owned(), 5), ("eve".to_owned(), 10)];
        assert_eq!(history.conversations("ann"), expected);
        assert_eq!(history.conversations("nobody"), []);
        assert_eq!(
            (
                history.count_after("ann", "bob", 2),
                history.count_after("ann", "eve", 0)
            ),
            (3, 1)
        );
        history.forget_user("ann");
        assert_eq!((history.conversations("ann"), history.last_id()), (vec![], 0));
    }

    #[test]
    fn what_became_of_a_message_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.messages");
        let mut changed = kept(7);
        changed.notes.reactions.insert("👍".into(), vec!["ann".into()]);
        let mut history = History::open(&path).unwrap();
        history.keep("ann", "bob", &kept(7));
        history.rewrite(&changed);
        drop(history);
        assert_eq!(History::open(&path).unwrap().get(7), Some(changed));
        std::fs::write(&path, "something else").unwrap();
        assert!(History::open(&path).is_err());
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes() {
        let mut history = History::default();
        let large = |id| Kept {
            message: vec![0; 4_000].into(),
            ..kept(id)
        };
        for id in 1..=200 {
            history.keep("ann", "bob", &large(id));
        }
        history.make_room(400_000);
        let (page, _) = ids(&history, None, false);
        assert_eq!(page, [200, 199]);
        let count = history.count("ann", "bob");
        assert!((50..100).contains(&count), "{count}");
        assert_eq!(history.sides_of(1), []);
    }
}
