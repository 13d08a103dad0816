//! The rows of users who are known.
//!
//! One transaction at a time changes the rows of a place: it reads records, changes them, and counts what they have become.

use std::sync::Arc;

use deadpool_postgres::Object;
use easemob_admin_ops::logins::directory::COUNTED;
use easemob_admin_ops::logins::store::directory::{Directory, UserRecord, WrittenRecord, read_by_scan};
use easemob_admin_ops::logins::store::{
    KnownUser, LoginEvent, Shape, StoreError, UserOrder, UserPlace, UserState, WhichUsers,
};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::database::failure;
use crate::statement::{column, execute, field, number, query, query_opt};

/// The first number of an advisory lock that is held while rows are changed: `EALU`. The second one is the place.
const LOCK: i32 = 0x4541_4C55;

/// Waits for other transactions that change the rows, and takes the records of users.
async fn take(connection: &Object, place: i32, users: &[&str]) -> Result<Directory, StoreError> {
    query(
        connection,
        "SELECT pg_advisory_xact_lock($1, $2)",
        &[&LOCK, &place],
    )
    .await?;
    let wanted = "SELECT who, read_ms, minus_seen_ms, sessions, shape FROM easemob_admin.login_user \
                  WHERE place = $1 AND who = ANY($2)";
    let rows = query(connection, wanted, &[&place, &users]).await?;
    let mut directory = Directory::default();
    for row in &rows {
        let minus_seen_ms: i64 = field(row, 2)?;
        let record = UserRecord::of(field(row, 1)?, minus_seen_ms.saturating_neg(), field(row, 3)?);
        directory.take(field(row, 0)?, record, field(row, 4)?);
    }
    Ok(directory)
}

async fn write(connection: &Object, place: i32, directory: Directory) -> Result<(), StoreError> {
    fn texts(rows: &[WrittenRecord], text: impl Fn(&WrittenRecord) -> &String) -> Vec<&str> {
        rows.iter().map(|row| text(row).as_str()).collect()
    }
    let (records, changes) = directory.written();
    if records.is_empty() {
        return Ok(());
    }
    let enter = "INSERT INTO easemob_admin.login_user AS known (place, who, read_ms, minus_seen_ms, sessions, shape) \
                 SELECT $1::int, * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[]) \
                 ON CONFLICT (place, who) DO UPDATE SET read_ms = excluded.read_ms, \
                 minus_seen_ms = excluded.minus_seen_ms, sessions = excluded.sessions, shape = excluded.shape";
    let read: Vec<_> = records.iter().map(|record| record.read_ms).collect();
    let seen: Vec<_> = records
        .iter()
        .map(|record| record.last_seen_ms.saturating_neg())
        .collect();
    execute(
        connection,
        enter,
        &[
            &place,
            &texts(&records, |record| &record.user),
            &read,
            &seen,
            &texts(&records, |record| &record.sessions),
            &texts(&records, |record| &record.shape),
        ],
    )
    .await?;
    let count = "INSERT INTO easemob_admin.login_shape AS known (place, shape, users) SELECT $1::int, * \
                 FROM unnest($2::text[], $3::bigint[]) ON CONFLICT (place, shape) DO UPDATE SET \
                 users = known.users + excluded.users";
    let (shapes, numbers): (Vec<String>, Vec<i64>) = changes.into_iter().unzip();
    execute(connection, count, &[&place, &shapes, &numbers]).await?;
    Ok(())
}

pub(super) async fn read(
    connection: Arc<Object>,
    place: i32,
    users: Vec<(String, UserState)>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let names: Vec<&str> = read_by_scan(&users).map(|(user, _)| user).collect();
    let mut directory = take(&connection, place, &names).await?;
    directory.read(&users, now_ms);
    write(&connection, place, directory).await
}

pub(super) async fn happened(
    connection: Arc<Object>,
    place: i32,
    events: Vec<LoginEvent>,
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = events.iter().map(|event| event.user.as_str()).collect();
    let mut directory = take(&connection, place, &names).await?;
    let began = "SELECT started_ms FROM easemob_admin.login_snapshot WHERE place = $1 AND source = 'all' \
                 AND finished_ms IS NOT NULL ORDER BY number DESC LIMIT 1";
    let began = query_opt(&connection, began, &[&place]).await?;
    let began_ms = began.map_or(Ok(0), |row| field(&row, 0))?;
    directory.happened(&events, began_ms);
    write(&connection, place, directory).await
}

/// Forgets users who were last seen before a time, and before the newest finished snapshot began.
pub(super) async fn forget(connection: Arc<Object>, place: i32, before_ms: i64) -> Result<(), StoreError> {
    take(&connection, place, &[]).await?;
    let forget = "WITH gone AS (DELETE FROM easemob_admin.login_user WHERE place = $1 AND -minus_seen_ms < least($2::bigint, \
                  (SELECT started_ms FROM easemob_admin.login_snapshot WHERE place = $1 AND finished_ms IS NOT NULL \
                  ORDER BY number DESC LIMIT 1)) RETURNING shape), \
                  fewer AS (SELECT shape, count(*) AS users FROM gone GROUP BY shape) \
                  UPDATE easemob_admin.login_shape AS known SET users = known.users - fewer.users FROM fewer \
                  WHERE known.place = $1 AND known.shape = fewer.shape";
    execute(&connection, forget, &[&place, &before_ms]).await?;
    let unused = "DELETE FROM easemob_admin.login_shape WHERE place = $1 AND users = 0";
    execute(&connection, unused, &[&place]).await?;
    Ok(())
}

/// Makes all rows anew.
pub(super) async fn know(connection: Arc<Object>, place: i32) -> Result<(), StoreError> {
    query(
        &connection,
        "SELECT easemob_admin.know_login_users($1)",
        &[&place],
    )
    .await?;
    Ok(())
}

pub(super) async fn shapes(connection: Arc<Object>, place: i32) -> Result<Vec<Shape>, StoreError> {
    let wanted = "SELECT shape, users FROM easemob_admin.login_shape WHERE place = $1 AND users > 0";
    let rows = query(&connection, wanted, &[&place]).await?;
    rows.iter()
        .map(|row| Ok(Shape::read(field(row, 0)?, number(row, 1)?)))
        .collect()
}

/// A condition for the rows of users, `u`, with its values.
#[derive(Default)]
struct Conditions {
    text: String,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Conditions {
    fn of(place: i32, which: &WhichUsers) -> Self {
        let mut all = Self::default();
        let place = all.value(place);
        all.text = format!("u.place = {place}");
        if let Some((from, to)) = which.names() {
            let (from, to) = (all.value(from), all.value(to));
            all.and(&format!("u.who >= {from} AND u.who < {to}"));
        }
        if let Some(text) = &which.contains {
            let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
            let pattern = all.value(format!("%{escaped}%"));
            all.and(&format!("u.who LIKE {pattern}"));
        }
        if let Some(since) = which.seen_since_ms {
            let since = all.value(since.saturating_neg());
            all.and(&format!("u.minus_seen_ms <= {since}"));
        }
        all
    }

    /// Adds a value, and returns its number in the statement.
    fn value(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.values.push(Box::new(value));
        format!("${}", self.values.len())
    }

    fn and(&mut self, condition: &str) {
        self.text += " AND ";
        self.text += condition;
    }

    /// Asks with a plan for just these values: a plan for any values does not know how many rows they leave.
    async fn ask(&self, connection: &Object, sql: &str) -> Result<Vec<Row>, StoreError> {
        let values: Vec<&(dyn ToSql + Sync)> = self.values.iter().map(|value| &**value as _).collect();
        connection.query(sql, &values).await.map_err(failure)
    }
}

/// The shapes of a question as values of a statement, each with the name after which its users are wanted.
#[derive(Default)]
struct Listed {
    words: Vec<String>,
    devices: Vec<i64>,
    after: Vec<String>,
}

impl Listed {
    fn of(shapes: Vec<Shape>, order: UserOrder, after: Option<&UserPlace>) -> Self {
        let mut listed = Self::default();
        for shape in shapes {
            let after = match (order, after) {
                (UserOrder::User, Some(after)) => after.user.clone(),
                (UserOrder::Devices, Some(after)) if shape.devices() > after.devices => continue,
                (UserOrder::Devices, Some(after)) if shape.devices() == after.devices => after.user.clone(),
                _ => String::new(),
            };
            listed.words.push(shape.word());
            listed.devices.push(column(shape.devices()));
            listed.after.push(after);
        }
        listed
    }

    /// Adds them to the values, and returns them as a table.
    fn table(self, conditions: &mut Conditions) -> String {
        let (words, devices) = (conditions.value(self.words), conditions.value(self.devices));
        let after = conditions.value(self.after);
        format!("unnest({words}::text[], {devices}::bigint[], {after}::text[]) AS s (shape, devices, after)")
    }
}

pub(super) async fn users(
    connection: Arc<Object>,
    place: i32,
    which: WhichUsers,
    order: UserOrder,
    after: Option<UserPlace>,
    most: usize,
) -> Result<Vec<KnownUser>, StoreError> {
    let mut conditions = Conditions::of(place, &which);
    // Few users of a name are found by an index of its own, and sorted: in another order, most users would be passed over.
    let named = match (&which.contains, &which.begins_with) {
        (Some(_), _) => Some(which.clone()),
        (None, Some(_)) if order != UserOrder::User => Some(WhichUsers {
            shapes: None,
            ..which.clone()
        }),
        (None, _) => None,
    };
    let gathered = match named {
        Some(named) => count(Arc::clone(&connection), place, named, COUNTED + 1).await? <= COUNTED,
        None => false,
    };
    let needs_list = order != UserOrder::User;
    let shapes = match which.shapes {
        Some(shapes) => Some(shapes),
        None if needs_list => Some(self::shapes(Arc::clone(&connection), place).await?),
        None => None,
    };
    if let (UserOrder::LastSeen, Some(after)) = (order, &after) {
        let (seen, user) = (
            conditions.value(after.last_seen_ms.saturating_neg()),
            conditions.value(after.user.clone()),
        );
        conditions.and(&format!("(u.minus_seen_ms, u.who) > ({seen}, {user})"));
    }
    let most = column(most as u64);
    let rows = "u.who, u.shape, u.minus_seen_ms";
    let (within, whole) = match order {
        UserOrder::User => ("u.who", "who"),
        UserOrder::LastSeen => ("u.minus_seen_ms, u.who", "minus_seen_ms, who"),
        UserOrder::Devices => ("u.who", "devices DESC, who"),
    };
    let sql = match shapes {
        None => {
            if let Some(after) = &after {
                let user = conditions.value(after.user.clone());
                conditions.and(&format!("u.who > {user}"));
            }
            let wanted = format!(
                "SELECT {rows} FROM easemob_admin.login_user AS u WHERE {}",
                conditions.text
            );
            if gathered {
                format!("WITH found AS MATERIALIZED ({wanted}) SELECT * FROM found ORDER BY who LIMIT {most}")
            } else {
                format!("{wanted} ORDER BY u.who LIMIT {most}")
            }
        }
        Some(shapes) => {
            let listed = Listed::of(shapes, order, after.as_ref());
            let table = listed.table(&mut conditions);
            let wanted = &conditions.text;
            if gathered {
                format!(
                    "WITH found AS MATERIALIZED (SELECT {rows} FROM easemob_admin.login_user AS u WHERE {wanted}) \
                     SELECT u.*, s.devices FROM found AS u JOIN {table} USING (shape) WHERE u.who > s.after \
                     ORDER BY {whole} LIMIT {most}"
                )
            } else {
                // Of each shape the first ones: an index has them in order. A condition that never leaves anybody out would make
                // the planner expect few rows, and sort all of them.
                let after = match order {
                    UserOrder::LastSeen => "",
                    UserOrder::User | UserOrder::Devices => "AND u.who > s.after",
                };
                format!(
                    "SELECT first.*, s.devices FROM {table} CROSS JOIN LATERAL (SELECT {rows} \
                     FROM easemob_admin.login_user AS u WHERE {wanted} AND u.shape = s.shape {after} \
                     ORDER BY {within} LIMIT {most}) AS first ORDER BY {whole} LIMIT {most}"
                )
            }
        }
    };
    let found = conditions.ask(&connection, &sql).await?;
    let user = |row: &Row| {
        let minus_seen_ms: i64 = field(row, 2)?;
        Ok(KnownUser {
            user: field(row, 0)?,
            platforms: Shape::read(field(row, 1)?, 0).platforms,
            last_seen_ms: minus_seen_ms.saturating_neg(),
        })
    };
    found.iter().map(user).collect()
}

pub(super) async fn count(
    connection: Arc<Object>,
    place: i32,
    which: WhichUsers,
    up_to: usize,
) -> Result<usize, StoreError> {
    let mut conditions = Conditions::of(place, &which);
    let up_to = column(up_to as u64);
    let shapes = match which.shapes {
        Some(shapes) => Some(shapes),
        None if which.seen_since_ms.is_some() && which.contains.is_none() => {
            Some(self::shapes(Arc::clone(&connection), place).await?)
        }
        None => None,
    };
    let one = "SELECT FROM easemob_admin.login_user AS u WHERE";
    let some = match shapes {
        None => format!("{one} {} LIMIT {up_to}", conditions.text),
        Some(shapes) if which.contains.is_some() => {
            let words: Vec<String> = shapes.iter().map(Shape::word).collect();
            let words = conditions.value(words);
            format!(
                "{one} {} AND u.shape = ANY({words}::text[]) LIMIT {up_to}",
                conditions.text
            )
        }
        Some(shapes) => {
            let listed = Listed::of(shapes, UserOrder::User, None);
            let table = listed.table(&mut conditions);
            format!(
                "SELECT FROM {table} CROSS JOIN LATERAL ({one} {} AND u.shape = s.shape LIMIT {up_to}) AS first LIMIT {up_to}",
                conditions.text
            )
        }
    };
    let sql = format!("SELECT count(*) FROM ({some}) AS counted");
    let rows = conditions.ask(&connection, &sql).await?;
    let counted = rows.first().map_or(Ok(0), |row| number(row, 0))?;
    Ok(usize::try_from(counted).unwrap_or(usize::MAX))
}
