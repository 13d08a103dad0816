//! The row of one user.

use easemob_admin_api::User;
use serde::Serialize;

use crate::commands::times::{rfc3339, short};
use crate::render::report::Row;

/// One user.
#[derive(Debug, Serialize)]
pub struct UserRow {
    user: String,
    /// False means banned; the server does not always report it.
    active: Option<bool>,
    nickname: Option<String>,
    created_at: Option<String>,
    modified_at: Option<String>,
    uuid: Option<String>,
}

impl From<User> for UserRow {
    fn from(user: User) -> Self {
        Self {
            user: user.username.to_string(),
            active: user.activated,
            nickname: user.nickname,
            created_at: user.created.and_then(rfc3339),
            modified_at: user.modified.and_then(rfc3339),
            uuid: user.uuid,
        }
    }
}

impl UserRow {
    fn state(&self) -> &'static str {
        match self.active {
            Some(true) => "active",
            Some(false) => "banned",
            None => "",
        }
    }
}

impl Row for UserRow {
    const COLUMNS: &'static [&'static str] =
        &["user", "active", "nickname", "created_at", "modified_at", "uuid"];
    const TABLE: &'static [&'static str] = &["user", "state", "nickname", "created", "modified"];

    fn cells(&self) -> Vec<String> {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let active = self.active.map(|active| active.to_string()).unwrap_or_default();
        vec![
            self.user.clone(),
            active,
            text(&self.nickname),
            text(&self.created_at),
            text(&self.modified_at),
            text(&self.uuid),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let nickname = self.nickname.clone().unwrap_or_default();
        let (created, modified) = (
            short(self.created_at.as_deref()),
            short(self.modified_at.as_deref()),
        );
        vec![
            self.user.clone(),
            self.state().into(),
            nickname,
            created,
            modified,
        ]
    }
}
