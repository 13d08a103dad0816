//! Acts on a user. Each is a run, so that it is on record and reads the devices again before it ends any.

use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_ops::run::job::Action;
use easemob_admin_remote::api::Problem;
use easemob_admin_words::told_later;
use serde_json::{Value, json};

use crate::api::encoded;
use crate::fields::Fields;
use crate::lock_end::lock_end;
use crate::page::Trouble;
use crate::planned::begun;
use crate::problem::with_hint;
use crate::stake::{Mandate, Stake, Unconfirmed, confirmed};
use crate::visit::Visit;

type User = Path<(String, String)>;

/// The longest lock that the form offers, in hours.
const LONGEST: u32 = 31 * 24;

pub(super) async fn sign_out(visit: Visit, Path((_, user)): User, sent: Fields) -> Result<Response, Trouble> {
    let (selection, stake) = selection(&sent).ok_or_else(unclear)?;
    let mandate = confirmed(&visit, stake, &sent).map_err(Unconfirmed::problem)?;
    // One device was agreed to, so one is ended at most.
    let most = (stake == Stake::Device).then_some(1);
    act(
        &visit,
        &user,
        json!({"kind": "logout", "selection": selection}),
        most,
        mandate,
        &sent,
    )
    .await
}

pub(super) async fn lock(visit: Visit, Path((_, user)): User, sent: Fields) -> Result<Response, Trouble> {
    let mandate = confirmed(&visit, Stake::Few, &sent).map_err(Unconfirmed::problem)?;
    let hours = sent.some("hours").and_then(|hours| hours.parse().ok());
    let hours: u32 = hours
        .filter(|hours| (1..=LONGEST).contains(hours))
        .ok_or_else(unclear)?;
    let until = lock_end(visit.now, hours.into());
    act(
        &visit,
        &user,
        json!({"kind": "lock", "until": until}),
        None,
        mandate,
        &sent,
    )
    .await
}

pub(super) async fn unlock(visit: Visit, Path((_, user)): User, sent: Fields) -> Result<Response, Trouble> {
    let mandate = confirmed(&visit, Stake::Few, &sent).map_err(Unconfirmed::problem)?;
    // What somebody locks after the question was asked stays locked.
    let asked = sent.text("asked").and_then(|text| text.parse().ok());
    let as_of = asked.unwrap_or(visit.now).min(visit.now);
    act(
        &visit,
        &user,
        json!({"kind": "unlock", "as_of": as_of}),
        None,
        mandate,
        &sent,
    )
    .await
}

pub(super) async fn ban(visit: Visit, Path((_, user)): User, sent: Fields) -> Result<Response, Trouble> {
    let stake = Stake::of(1, false, true);
    let mandate = confirmed(&visit, stake, &sent).map_err(Unconfirmed::problem)?;
    act(
        &visit,
        &user,
        json!({"kind": "ban", "looks_first": true}),
        None,
        mandate,
        &sent,
    )
    .await
}

pub(super) async fn unban(visit: Visit, Path((_, user)): User, sent: Fields) -> Result<Response, Trouble> {
    let mandate = confirmed(&visit, Stake::Few, &sent).map_err(Unconfirmed::problem)?;
    act(&visit, &user, json!({"kind": "unban"}), None, mandate, &sent).await
}

/// Reads which devices are meant. Exactly one way of naming them must be there: a missing one must not mean all.
fn selection(sent: &Fields) -> Option<(Value, Stake)> {
    let ways = ["device", "platform", "keep", "all"].map(|name| sent.raw(name));
    match ways {
        [Some(device), None, None, None] if !device.is_empty() => {
            Some((json!({"devices": [device]}), Stake::Device))
        }
        [None, Some(platform), None, None] if !platform.is_empty() => {
            Some((json!({"platforms": [platform]}), Stake::Few))
        }
        [None, None, Some(keep), None] => {
            let keep = keep.parse::<u32>().ok().filter(|keep| *keep > 0)?;
            Some((json!({"keep_newest": keep}), Stake::Few))
        }
        [None, None, None, Some("1")] => Some((json!({}), Stake::Few)),
        _ => None,
    }
}

fn unclear() -> Problem {
    let title = told_later!("The form does not say what is to be done");
    let hint = told_later!("Nothing was done. Load the page again.");
    with_hint(400, "bad-request", title, hint)
}

/// Makes the run, and goes back to the page of the user, which shows what becomes of it.
async fn act(
    visit: &Visit,
    user: &str,
    action: Value,
    max_logouts: Option<u64>,
    mandate: Mandate,
    sent: &Fields,
) -> Result<Response, Trouble> {
    let action: Action = serde_json::from_value(action).map_err(|_| unclear())?;
    let users = [user.to_owned()];
    let made = begun(visit, action, &users, max_logouts, mandate, sent).await?;
    let page = format!("{}?run={}", visit.link(&["users", user]), encoded(&made.id));
    Ok(Redirect::to(&page).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_does_not_say_which_devices_means_none() {
        let read = |fields: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            selection(&Fields(fields.iter().map(owned).collect()))
        };
        for fields in [
            &[][..],
            &[("reason", "x")],
            &[("device", "")],
            &[("platform", "")],
            &[("keep", "0")],
            &[("keep", "-1")],
            &[("keep", "")],
            &[("all", "")],
            &[("all", "yes")],
            &[("all", "1"), ("device", "ios_1")],
            &[("platform", "web"), ("keep", "1")],
        ] {
            assert_eq!(read(fields), None, "{fields:?}");
        }
        assert_eq!(
            read(&[("device", "ios_1")]),
            Some((json!({"devices": ["ios_1"]}), Stake::Device))
        );
        assert_eq!(read(&[("all", "1")]), Some((json!({}), Stake::Few)));
    }
}
