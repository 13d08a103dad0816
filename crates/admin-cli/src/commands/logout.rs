//! `logout`: forgets a sign-in, and gives its tokens back.

use clap::Args;
use easemob_admin_words::t;
use serde::Serialize;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};
use crate::sign_in::SignInError;
use crate::sign_in::kept::Kept;
use crate::sign_in::provider::{Authorities, Provider};

/// Arguments of `logout`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logout --profile ops
  easemob-admin logout

Removes the sign-in of `login` from this machine, and revokes its tokens at the issuer. It signs out no user of the app; \
`sessions logout` does. Exits with 5 if the issuer could not be told: a token that somebody copied is good until it ends.")]
pub struct LogoutArgs {}

#[derive(Debug, Serialize)]
struct LogoutRow {
    service: String,
    removed: bool,
    revoked: bool,
}

impl Row for LogoutRow {
    const COLUMNS: &'static [&'static str] = &["service", "removed", "revoked"];
    const TABLE: &'static [&'static str] = Self::COLUMNS;

    fn cells(&self) -> Vec<String> {
        vec![
            self.service.clone(),
            self.removed.to_string(),
            self.revoked.to_string(),
        ]
    }
}

#[derive(Debug, Serialize)]
struct LogoutSummary {}

/// Runs the command.
///
/// # Errors
/// When no service is configured, or the sign-in cannot be removed.
pub async fn run(context: &Context, _: &LogoutArgs) -> Result<Exit, CommandError> {
    let at = context.service_to_sign_in()?;
    let file = context.sign_in_file(&at)?;
    let kept = file.read();
    // First here: whatever the issuer says, nobody acts with it on this machine any more.
    file.remove()?;
    let kept = kept?;
    let revoked = match &kept {
        Some(kept) => revoke(kept, &context.authorities(&at)?).await,
        None => Ok(()),
    };
    let row = LogoutRow {
        service: at.url.clone(),
        removed: kept.is_some(),
        revoked: kept.is_some() && revoked.is_ok(),
    };
    let mut report = context.local_report::<LogoutRow>("logout", false)?;
    report.row(&row).map_err(unwritten_rows)?;
    report.finish(&LogoutSummary {}).map_err(unwritten_rows)?;
    match (kept, revoked) {
        (None, _) => context.ui.say(t!("nobody was signed in at {}", at.url)),
        (Some(_), Ok(())) => context
            .ui
            .say(t!("signed out at {}; the tokens were revoked", at.url)),
        (Some(kept), Err(error)) => {
            let until = kept
                .ends
                .map_or_else(|| t!("its end").to_owned(), |ends| format!("{ends:.0}"));
            context.ui.warn(t!(
                "signed out on this machine, but the tokens could not be revoked ({error}); a copy of the token is good until {until}"
            ));
            return Ok(exit::UNREACHABLE);
        }
    }
    Ok(exit::OK)
}

/// Gives the tokens back: first the one that others are got with.
async fn revoke(kept: &Kept, authorities: &Authorities) -> Result<(), SignInError> {
    let provider = Provider::discover(&kept.client.issuer, authorities).await?;
    if let Some(refresh) = kept.refresh() {
        provider.revoke(&kept.client, &refresh, "refresh_token").await?;
    }
    provider.revoke(&kept.client, &kept.token(), "access_token").await
}
