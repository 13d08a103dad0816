//! The users of a request: in its body of JSON, or in a line each, for lists of any length.

use std::collections::HashSet;
use std::io::{self, Write as _};
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use easemob_admin_api::UserId;
use easemob_admin_ops::run::input::{self, Writer};
use easemob_admin_ops::run::item::Item;
use easemob_admin_remote::api::{NewCheck, NewEnforcement, NewPlan, NewRun, NewScan};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::body_lines::BodyLines;
use crate::extract::{json, media_type, whole, wrong_type};
use crate::pieces::LINES;
use crate::problem::{Kind, Refusal};

/// The longest line of a list: a user of a plan may have thousands of devices.
const LONGEST_LINE: usize = 1024 * 1024;

/// The longest first line of a list: it has the exemptions, too.
const LONGEST_FIRST: usize = 16 * 1024 * 1024;

/// How often an answer that takes long says how far it is, so that nothing in between takes the connection for a dead one.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);

/// A request that names users.
pub(super) trait NamesUsers: DeserializeOwned {
    /// Whether lines may have what is planned for a user, too.
    const MAY_BE_PLANNED: bool = false;

    /// Takes the users out; `None` if the request itself names nobody.
    fn take_users(&mut self) -> Option<Vec<String>>;
}

impl NamesUsers for NewRun {
    const MAY_BE_PLANNED: bool = true;

    fn take_users(&mut self) -> Option<Vec<String>> {
        self.users.take()
    }
}

impl NamesUsers for NewScan {
    fn take_users(&mut self) -> Option<Vec<String>> {
        self.users.take()
    }
}

impl NamesUsers for NewCheck {
    fn take_users(&mut self) -> Option<Vec<String>> {
        self.users.take()
    }
}

impl NamesUsers for NewPlan {
    fn take_users(&mut self) -> Option<Vec<String>> {
        Some(std::mem::take(&mut self.users)).filter(|users| !users.is_empty())
    }
}

impl NamesUsers for NewEnforcement {
    fn take_users(&mut self) -> Option<Vec<String>> {
        Some(std::mem::take(&mut self.users)).filter(|users| !users.is_empty())
    }
}

/// The form of a request, and of an answer that is as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One value.
    Json,
    /// A first line, and a line for each user.
    Lines,
}

/// What a request asks for, and about whom.
pub(super) struct Asked<T> {
    pub(super) new: T,
    /// The users; `None` if the request has no list.
    pub(super) list: Option<List>,
    pub(super) form: Form,
}

impl<T> Asked<T> {
    /// Returns the users, of whom there must be at least one.
    pub(super) fn listed(self) -> Result<(T, List, Form), Refusal> {
        match self.list {
            Some(list) if list.users > 0 => Ok((self.new, list, self.form)),
            _ => Err(nobody()),
        }
    }
}

/// The request names nobody.
pub(super) fn nobody() -> Refusal {
    Refusal::of(Kind::NoUsers)
        .detail("the request names no user")
        .hint("name users in `users`, or in a line each; an empty selection never means everybody")
}

/// The users of a request, in a file: memory does not depend on their number.
pub(crate) struct List {
    file: std::fs::File,
    pub(crate) users: u64,
}

impl List {
    /// Keeps the users of a request.
    pub(super) fn of(users: &[String]) -> Result<Self, Refusal> {
        let mut spool = Spool::new()?;
        users
            .iter()
            .try_for_each(|user| spool.push(Line::User(user.clone())))?;
        Ok(spool.finish()?)
    }

    /// Keeps users with the devices that are planned for them, as `writer` has them.
    pub(super) fn planned(writer: Writer) -> io::Result<Self> {
        let (mut file, users, _) = writer.finish()?;
        file.flush()?;
        Ok(Self { file, users })
    }

    /// Returns the items, from the first one.
    pub(super) fn items(&self) -> io::Result<impl Iterator<Item = io::Result<Item>> + Send + use<>> {
        input::items(self.file.try_clone()?)
    }

    /// Returns the users, from the first one.
    pub(crate) fn users(&self) -> io::Result<impl Iterator<Item = io::Result<UserId>> + Send + use<>> {
        Ok(self.items()?.map(|item| item.map(|item| item.user)))
    }
}

/// One line of a list: a user, or an item of a plan.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    User(String),
    Item(Item),
}

/// Reads what is to be done, and to whom.
pub(super) async fn read<T: NamesUsers>(headers: &HeaderMap, body: Body) -> Result<Asked<T>, Refusal> {
    match media_type(headers) {
        Some("application/json") => {
            let mut new: T = json(&whole(body).await?)?;
            let users = new.take_users();
            Ok(Asked {
                new,
                list: users.map(|users| List::of(&users)).transpose()?,
                form: Form::Json,
            })
        }
        Some(LINES) => lines(body).await,
        _ => Err(wrong_type("application/json or application/x-ndjson")),
    }
}

async fn lines<T: NamesUsers>(body: Body) -> Result<Asked<T>, Refusal> {
    let mut lines = BodyLines::of(body);
    let (mut new, mut spool) = (None::<T>, Spool::new()?);
    while let Some(line) = lines
        .next(if new.is_some() {
            LONGEST_LINE
        } else {
            LONGEST_FIRST
        })
        .await?
    {
        take(&line, &mut new, &mut spool)?;
    }
    let new = new.ok_or_else(|| Refusal::of(Kind::BadRequest).detail("the body is empty"))?;
    Ok(Asked {
        new,
        list: Some(spool.finish()?),
        form: Form::Lines,
    })
}

fn take<T: NamesUsers>(line: &[u8], new: &mut Option<T>, spool: &mut Spool) -> Result<(), Refusal> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    if new.is_none() {
        let mut first: T = json(line)?;
        if first.take_users().is_some() {
            return Err(Refusal::of(Kind::BadRequest).detail("in a body of lines, each user has a line"));
        }
        *new = Some(first);
        return Ok(());
    }
    match serde_json::from_slice(line) {
        Ok(line) if T::MAY_BE_PLANNED || matches!(line, Line::User(_)) => spool.push(line),
        _ => Err(Refusal::of(Kind::BadName).detail(format!(
            "line {} is no user: write a JSON string, such as \"ann\"",
            spool.lines + 2
        ))),
    }
}

struct Spool {
    writer: Writer,
    /// Digests of the names, as the server compares them.
    seen: HashSet<[u8; 16]>,
    lines: u64,
    users: u64,
}

impl Spool {
    fn new() -> io::Result<Self> {
        Ok(Self {
            writer: Writer::new(tempfile::tempfile()?),
            seen: HashSet::new(),
            lines: 0,
            users: 0,
        })
    }

    /// Adds a user, unless the list has named the same one before.
    fn push(&mut self, line: Line) -> Result<(), Refusal> {
        self.lines += 1;
        let item = match line {
            Line::User(name) => {
                let user = UserId::parse(&name).map_err(|error| {
                    Refusal::of(Kind::BadName).detail(format!("user {}: {error}", self.lines))
                })?;
                Item::new(self.users, self.lines, user)
            }
            Line::Item(item) => Item {
                number: self.users,
                ..item
            },
        };
        let mut key = [0; 16];
        key.copy_from_slice(&Sha256::digest(item.user.folded().as_bytes())[..16]);
        if self.seen.insert(key) {
            self.writer.push(&item)?;
            self.users += 1;
        }
        Ok(())
    }

    fn finish(self) -> io::Result<List> {
        List::planned(self.writer)
    }
}
