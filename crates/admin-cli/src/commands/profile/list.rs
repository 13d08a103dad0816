//! `profile list`: lists the profiles, without secrets.

use clap::Args;
use easemob_admin_words::t;
use serde::Serialize;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `profile list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin profile list
  easemob-admin profile list -o json")]
pub struct ListArgs {}

#[derive(Debug, Serialize)]
struct ProfileRow {
    profile: String,
    default: bool,
    target: String,
    client_id: Option<String>,
    credentials: &'static str,
}

impl Row for ProfileRow {
    const COLUMNS: &'static [&'static str] = &["profile", "default", "target", "client_id", "credentials"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.profile.clone(),
            self.default.to_string(),
            self.target.clone(),
            self.client_id.clone().unwrap_or_default(),
            self.credentials.into(),
        ]
    }

    fn table_cells(&self) -> Vec<String> {
        let mut cells = self.cells();
        cells[1] = if self.default { "yes".into() } else { String::new() };
        cells
    }
}

#[derive(Debug, Serialize)]
struct ListSummary {
    profiles: usize,
}

/// Runs the command.
///
/// # Errors
/// When the profile file cannot be used.
pub fn run(context: &Context, _: &ListArgs) -> Result<Exit, CommandError> {
    let file = context.profiles()?;
    let mut report = context.local_report::<ProfileRow>("profile list", false)?;
    for (name, profile) in &file.profiles {
        let row = ProfileRow {
            profile: name.clone(),
            default: file.default.as_ref() == Some(name),
            target: profile.target(),
            client_id: profile.client_id.clone(),
            credentials: profile.credentials_from(),
        };
        report.row(&row).map_err(unwritten_rows)?;
    }
    report
        .finish(&ListSummary {
            profiles: file.profiles.len(),
        })
        .map_err(unwritten_rows)?;
    if file.profiles.is_empty() {
        let path = context.places()?.profile_file();
        context.ui.note(t!(
            "no profiles in {}; add one: easemob-admin profile add NAME --server URL --app ORG#APP",
            path.display()
        ));
    }
    Ok(exit::OK)
}
