//! The rows of users who are known.

use std::collections::HashSet;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::logins::directory::COUNTED;
use crate::logins::store::directory::{Directory, UserRecord, read_by_scan};
use crate::logins::store::{
    KnownUser, LoginEvent, Shape, StoreError, UserOrder, UserPlace, UserState, WhichUsers,
};

/// Takes the records of users from their table.
fn take<'a>(connection: &Connection, users: impl Iterator<Item = &'a str>) -> Result<Directory, StoreError> {
    let mut directory = Directory::default();
    let mut find = connection
        .prepare_cached("SELECT read_ms, minus_seen_ms, sessions, shape FROM users WHERE user = ?1")?;
    for user in users {
        let found = find.query_row([user], |row| {
            let (seen, sessions): (i64, String) = (row.get(1)?, row.get(2)?);
            Ok((
                UserRecord::of(row.get(0)?, seen.saturating_neg(), &sessions),
                row.get(3)?,
            ))
        });
        if let Some((record, shape)) = found.optional()? {
            directory.take(user.to_owned(), record, shape);
        }
    }
    Ok(directory)
}

fn write(connection: &Connection, directory: Directory) -> Result<(), StoreError> {
    let (records, changes) = directory.written();
    let mut find = connection.prepare_cached(
        "INSERT INTO user_parts (user) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM users WHERE user = ?1)",
    )?;
    let mut enter = connection.prepare_cached(
        "INSERT OR REPLACE INTO users (user, read_ms, minus_seen_ms, sessions, shape) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for record in records {
        find.execute([&record.user])?;
        enter.execute(params![
            record.user,
            record.read_ms,
            record.last_seen_ms.saturating_neg(),
            record.sessions,
            record.shape
        ])?;
    }
    let mut count = connection.prepare_cached(
        "INSERT INTO shapes (shape, users) VALUES (?1, ?2) ON CONFLICT (shape) DO UPDATE SET users = users + excluded.users",
    )?;
    for (shape, change) in changes {
        count.execute(params![shape, change])?;
    }
    Ok(())
}

pub(super) fn read(
    connection: &Connection,
    users: &[(String, UserState)],
    now_ms: i64,
) -> Result<(), StoreError> {
    let mut directory = take(connection, read_by_scan(users).map(|(user, _)| user))?;
    directory.read(users, now_ms);
    write(connection, directory)
}

pub(super) fn happened<'a>(
    connection: &Connection,
    events: impl Iterator<Item = &'a LoginEvent> + Clone,
) -> Result<(), StoreError> {
    let began = "SELECT started_ms FROM snapshots WHERE finished_ms IS NOT NULL AND source = 'all' ORDER BY id DESC LIMIT 1";
    let began = connection.query_row(began, [], |row| row.get(0)).optional()?;
    let mut directory = take(connection, events.clone().map(|event| event.user.as_str()))?;
    directory.happened(events, began.unwrap_or_default());
    write(connection, directory)
}

pub(super) fn forget(connection: &Connection, before_ms: i64) -> Result<(), StoreError> {
    let newest = "SELECT started_ms FROM snapshots WHERE finished_ms IS NOT NULL ORDER BY id DESC LIMIT 1";
    let newest: Option<i64> = connection.query_row(newest, [], |row| row.get(0)).optional()?;
    let before_ms = newest.map_or(before_ms, |began| before_ms.min(began));
    let forgotten = connection.execute(
        "DELETE FROM users WHERE minus_seen_ms > ?1",
        [before_ms.saturating_neg()],
    )?;
    if forgotten > 0 {
        connection.execute_batch(
            "DELETE FROM user_parts WHERE user NOT IN (SELECT user FROM users); DELETE FROM shapes; INSERT INTO shapes SELECT shape, count(*) FROM users GROUP BY shape;",
        )?;
    }
    Ok(())
}

pub(super) fn shapes(connection: &Connection) -> Result<Vec<Shape>, StoreError> {
    let mut all = connection.prepare_cached("SELECT shape, users FROM shapes WHERE users > 0")?;
    let rows = all.query_map([], |row| {
        let word: String = row.get(0)?;
        Ok(Shape::read(&word, row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The columns of a user.
const ROW: &str = "user, shape, minus_seen_ms";

/// Conditions of a statement, and their values in the same order.
#[derive(Debug, Clone, Default)]
struct Conditions {
    text: Vec<&'static str>,
    values: Vec<Value>,
}

impl Conditions {
    fn add(&mut self, text: &'static str, values: impl IntoIterator<Item = Value>) {
        self.text.push(text);
        self.values.extend(values);
    }

    fn of(which: &WhichUsers, part: &Part) -> Self {
        let mut all = Self::default();
        if let Some((from, to)) = which.names() {
            all.add("user >= ? AND user < ?", [from.into(), to.into()]);
        }
        match part {
            Part::Any => {}
            Part::Rare(phrase) => all.add(
                "user IN (SELECT user FROM user_parts WHERE user_parts MATCH ?)",
                [phrase.clone().into()],
            ),
            Part::Looked(text) => all.add("instr(user, ?) > 0", [text.clone().into()]),
        }
        if let Some(since) = which.seen_since_ms {
            all.add("minus_seen_ms <= ?", [since.saturating_neg().into()]);
        }
        all
    }

    fn of_shape(mut self, shape: &Shape) -> Self {
        self.add("shape = ?", [shape.word().into()]);
        self
    }

    fn query(&self, columns: &str, end: &str) -> String {
        let conditions = if self.text.is_empty() {
            "1"
        } else {
            &*self.text.join(" AND ")
        };
        format!("SELECT {columns} FROM users WHERE {conditions} {end}")
    }
}

/// How users are found by a part of their name.
enum Part {
    /// None is asked for.
    Any,
    /// By an index, because few have it.
    Rare(String),
    /// By a look at each name, until enough are found.
    Looked(String),
}

impl Part {
    fn of(connection: &Connection, which: &WhichUsers) -> Result<Self, StoreError> {
        let Some(text) = &which.contains else {
            return Ok(Self::Any);
        };
        // The index has no shorter parts.
        if text.chars().count() < 3 {
            return Ok(Self::Looked(text.clone()));
        }
        let phrase = format!("\"{}\"", text.replace('"', "\"\""));
        let some = format!(
            "SELECT 1 FROM user_parts WHERE user_parts MATCH ?1 LIMIT {}",
            COUNTED + 1
        );
        let mut count = connection.prepare_cached(&format!("SELECT count(*) FROM ({some})"))?;
        let found: usize = count.query_row([&phrase], |row| row.get(0))?;
        Ok(if found > COUNTED {
            Self::Looked(text.clone())
        } else {
            Self::Rare(phrase)
        })
    }
}

/// Returns the shapes that are wanted; none if all are, in an order for which that needs no list.
fn wanted(
    connection: &Connection,
    which: &WhichUsers,
    needs_list: bool,
) -> Result<Option<Vec<Shape>>, StoreError> {
    match &which.shapes {
        Some(shapes) => Ok(Some(shapes.clone())),
        None if needs_list => shapes(connection).map(Some),
        None => Ok(None),
    }
}

/// Returns the conditions and the end of the statements that find a page: one for each shape, if there is a list of them,
/// because an index has the users of a shape in order.
fn statements(
    mut conditions: Conditions,
    shapes: Option<Vec<Shape>>,
    order: UserOrder,
    after: Option<&UserPlace>,
    most: usize,
) -> Vec<(Conditions, String)> {
    let end = match order {
        UserOrder::User | UserOrder::Devices => "ORDER BY user LIMIT",
        UserOrder::LastSeen => "ORDER BY minus_seen_ms, user LIMIT",
    };
    let end = format!("{end} {most}");
    match (order, after) {
        (UserOrder::User, Some(after)) => conditions.add("user > ?", [after.user.clone().into()]),
        (UserOrder::LastSeen, Some(after)) => conditions.add(
            "(minus_seen_ms, user) > (?, ?)",
            [
                after.last_seen_ms.saturating_neg().into(),
                after.user.clone().into(),
            ],
        ),
        _ => {}
    }
    let Some(shapes) = shapes else {
        return vec![(conditions, end)];
    };
    let of_shape = |shape: Shape| {
        let mut conditions = conditions.clone().of_shape(&shape);
        if let (UserOrder::Devices, Some(after)) = (order, after) {
            if shape.devices() > after.devices {
                return None;
            }
            if shape.devices() == after.devices {
                conditions.add("user > ?", [after.user.clone().into()]);
            }
        }
        Some((conditions, end.clone()))
    };
    shapes.into_iter().filter_map(of_shape).collect()
}

pub(super) fn users(
    connection: &Connection,
    which: &WhichUsers,
    order: UserOrder,
    after: Option<&UserPlace>,
    most: usize,
) -> Result<Vec<KnownUser>, StoreError> {
    let part = Part::of(connection, which)?;
    let conditions = Conditions::of(which, &part);
    let mut found = Vec::new();
    if let Part::Rare(_) = part {
        found = few(connection, which, &conditions)?;
        found.retain(|user| after.is_none_or(|after| user.place().compare(after, order).is_gt()));
        found.sort_by(|one, other| one.place().compare(&other.place(), order));
        found.truncate(most);
        return Ok(found);
    }
    let shapes = wanted(connection, which, order != UserOrder::User)?;
    for (conditions, end) in statements(conditions, shapes, order, after, most) {
        found.extend(rows(connection, &conditions, &end)?);
    }
    found.sort_by(|one, other| one.place().compare(&other.place(), order));
    found.truncate(most);
    Ok(found)
}

/// Returns the users with a rare part in their names who have one of the shapes.
fn few(
    connection: &Connection,
    which: &WhichUsers,
    conditions: &Conditions,
) -> Result<Vec<KnownUser>, StoreError> {
    let mut users = rows(connection, conditions, "")?;
    if let Some(shapes) = &which.shapes {
        let wanted: HashSet<_> = shapes.iter().map(|shape| &shape.platforms).collect();
        users.retain(|user| wanted.contains(&user.platforms));
    }
    Ok(users)
}

fn rows(connection: &Connection, conditions: &Conditions, end: &str) -> Result<Vec<KnownUser>, StoreError> {
    let sql = conditions.query(ROW, end);
    let mut statement = connection.prepare_cached(&sql)?;
    let user = |row: &Row<'_>| {
        let (word, minus_seen_ms): (String, i64) = (row.get(1)?, row.get(2)?);
        Ok(KnownUser {
            user: row.get(0)?,
            platforms: Shape::read(&word, 0).platforms,
            last_seen_ms: minus_seen_ms.saturating_neg(),
        })
    };
    let rows = statement.query_map(params_from_iter(&conditions.values), user)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn count(connection: &Connection, which: &WhichUsers, up_to: usize) -> Result<usize, StoreError> {
    let part = Part::of(connection, which)?;
    let conditions = Conditions::of(which, &part);
    if let Part::Rare(_) = part {
        return Ok(few(connection, which, &conditions)?.len().min(up_to));
    }
    let count = |conditions: &Conditions, up_to: usize| -> Result<usize, StoreError> {
        let some = conditions.query("1", &format!("LIMIT {up_to}"));
        let mut statement = connection.prepare_cached(&format!("SELECT count(*) FROM ({some})"))?;
        Ok(statement.query_row(params_from_iter(&conditions.values), |row| row.get(0))?)
    };
    let Some(shapes) = wanted(connection, which, which.seen_since_ms.is_some())? else {
        return count(&conditions, up_to);
    };
    let mut counted = 0;
    for shape in shapes {
        if counted < up_to {
            counted += count(&conditions.clone().of_shape(&shape), up_to - counted)?;
        }
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logins::store::sqlite::SqliteLogins;

    #[test]
    fn a_page_is_found_by_an_index_in_every_order() {
        let home = tempfile::tempdir().unwrap();
        let store = SqliteLogins::open(&home.path().join("app.sqlite")).unwrap();
        let after = UserPlace {
            user: "ann".into(),
            last_seen_ms: 5,
            devices: 1,
        };
        let shape = || Shape::read(r#"{"ios":1}"#, 1);
        for order in [UserOrder::User, UserOrder::LastSeen, UserOrder::Devices] {
            for has_list in [true, order != UserOrder::User] {
                for after in [None, Some(&after)] {
                    let shapes = has_list.then(|| vec![shape()]);
                    let all = Conditions::default();
                    for (conditions, end) in statements(all, shapes, order, after, 10) {
                        let sql = format!("EXPLAIN QUERY PLAN {}", conditions.query(ROW, &end));
                        let mut plan = store.connection.prepare(&sql).unwrap();
                        let steps = plan.query_map(params_from_iter(&conditions.values), |row| row.get(3));
                        let steps: Vec<String> = steps.unwrap().collect::<Result<_, _>>().unwrap();
                        // A table without row ids is in the order of its key, so a scan that sorts nothing ends with the page.
                        assert!(
                            steps.len() == 1
                                && (steps[0].starts_with("SEARCH users USING") || steps[0] == "SCAN users"),
                            "{sql}: {steps:?}"
                        );
                    }
                }
            }
        }
    }
}
