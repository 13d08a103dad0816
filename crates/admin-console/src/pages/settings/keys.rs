//! Keys of people and programs: who has which, new ones, and the end of one.

use std::collections::BTreeSet;

use axum::extract::Path;
use axum::http::Method;
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::{Key, NewKey, NewKeySecret, Page as Rows, Problem, Scope};
use easemob_admin_words::{t, told_later};
use jiff::SignedDuration;
use maud::{Markup, html};
use serde_json::json;

use super::{Part, head, scope_words};
use crate::api::encoded;
use crate::fields::Fields;
use crate::frame::form_secret;
use crate::fresh;
use crate::icons::Icon;
use crate::page::{Nav, Page, Trouble};
use crate::problem::problem;
use crate::visit::{Facts, Visit};

/// The most keys on one page.
const MOST: usize = 200;

/// How long a new key can be used, in days; 0 is for ever.
const LIVES: [i64; 4] = [30, 90, 365, 0];

pub(crate) async fn list(visit: Visit) -> Result<Page, Trouble> {
    let keys = read(&visit).await?;
    Ok(page(&visit, &keys, None))
}

/// Makes a key. Its secret is on the page that answers, and nowhere else.
pub(crate) async fn make(visit: Visit, fields: Fields) -> Result<Page, Trouble> {
    fresh::require(&visit)?;
    let days = fields.one("days").parse().ok();
    let days = days.filter(|days| LIVES.contains(days)).unwrap_or(LIVES[0]);
    let new = NewKey {
        id: fields.some("id"),
        owner: fields.one("owner").to_owned(),
        scopes: scopes(&fields)?,
        apps: [visit.app_name().to_owned()].into(),
        groups: words(fields.one("groups")),
        expires: (days > 0).then(|| visit.now + SignedDuration::from_hours(24 * days)),
        note: fields.some("note"),
        reason: fields.some("reason"),
    };
    let made: NewKeySecret = visit.api.send_to_service(Method::POST, "/v1/keys", &new).await?;
    let keys = read(&visit).await?;
    Ok(page(&visit, &keys, Some(&made)))
}

pub(crate) async fn revoke(
    visit: Visit,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    fresh::require(&visit)?;
    let address = format!("/v1/keys/{}", encoded(&key));
    let _: Key = visit
        .api
        .send_to_service(Method::DELETE, &address, &json!({}))
        .await?;
    Ok(Redirect::to(&visit.link(&["settings", "keys"])).into_response())
}

/// Reads the keys that are for the app of the page, newest first.
async fn read(visit: &Facts) -> Result<Vec<Key>, Trouble> {
    let mut keys: Vec<Key> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let address = match &after {
            Some(after) => format!("/v1/keys?limit=1000&after={}", encoded(after)),
            None => "/v1/keys?limit=1000".to_owned(),
        };
        let rows: Rows<Key> = visit.api.get_of_service(&address).await?;
        keys.extend(rows.items);
        after = rows.next;
        if after.is_none() {
            break;
        }
    }
    let of_app = |key: &Key| key.apps.contains("*") || key.apps.contains(visit.app_name());
    keys.retain(of_app);
    keys.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.id.cmp(&b.id)));
    keys.truncate(MOST);
    Ok(keys)
}

fn scopes(fields: &Fields) -> Result<BTreeSet<Scope>, Problem> {
    let unknown = |_| {
        problem(
            400,
            "bad-request",
            told_later!("The request cannot be understood"),
        )
    };
    fields
        .all("scope")
        .map(|word| word.parse().map_err(unknown))
        .collect()
}

/// Returns the words of a field, which spaces or commas separate.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split([' ', ',', '，']).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

fn page(visit: &Facts, keys: &[Key], made: Option<&NewKeySecret>) -> Page {
    visit.page(Nav::Settings, || {
        let main = html! {
            (head(visit, Part::Keys))
            @if let Some(made) = made { (secret(made)) }
            div.cols {
                section.card {
                    div.card-h { h2 { (t!("Keys for this app")) } }
                    div.tw role="region" aria-label=(t!("Keys for this app")) tabindex="0" {
                        table.cards {
                            thead { tr {
                                th scope="col" { (t!("Owner")) }
                                th scope="col" { (t!("Scopes")) }
                                th scope="col" { (t!("Ends")) }
                                th scope="col" { (t!("Last use")) }
                                th scope="col" { span.vh { (t!("Act")) } }
                            } }
                            tbody { @for key in keys { (row(visit, key)) } }
                        }
                    }
                }
                (new_key(visit))
            }
        };
        (t!("Keys").to_owned(), main)
    })
}

fn row(visit: &Facts, key: &Key) -> Markup {
    let ended = key.revoked.or(key.expires.filter(|end| *end <= visit.now));
    html! {
        tr {
            th.c-lead scope="row" {
                bdi { (key.owner) }
                span.sub.mono { (key.id) }
                @if let Some(note) = &key.note { span.sub { bdi { (note) } } }
            }
            td data-label=(t!("Scopes")) { (scope_words(&key.scopes)) }
            td data-label=(t!("Ends")) {
                @if key.revoked.is_some() { span.tag { (t!("revoked")) } }
                @else if let Some(end) = key.expires { (visit.time(end)) }
                @else { (t!("never")) }
            }
            td data-label=(t!("Last use")) {
                @if let Some(used) = key.last_used { (visit.time(used)) } @else { (t!("not used")) }
            }
            td.trow-end.c-end {
                @if ended.is_none() {
                    details.more {
                        summary { span.btn."btn--sm" { (t!("Revoke…")) } }
                        form.inline-q method="post" action=(visit.link(&["settings", "keys", &key.id, "revoke"])) {
                            (form_secret(visit))
                            span { (t!("Whoever uses it is refused at once.")) }
                            div.acts {
                                button.btn."btn--sm"."btn--danger" disabled[!visit.signed_in.is_fresh()] {
                                    (t!("Revoke the key of {}", key.owner))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The secret of a new key, this once.
fn secret(made: &NewKeySecret) -> Markup {
    html! {
        div.note."note--attn" role="status" {
            (Icon::CHECK)
            div {
                b { (t!("This is the key of {}. It is shown this once.", made.key.owner)) }
                p { code.ids { (made.secret) } }
                button.btn."btn--sm" type="button" data-copy=(made.secret) { (Icon::COPY) (t!("Copy key")) }
            }
        }
    }
}

fn new_key(visit: &Facts) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("New key")) } }
            form.card-b.stack method="post" action=(visit.link(&["settings", "keys"])) {
                (form_secret(visit))
                // A form that is sent twice makes one key.
                input type="hidden" name="id" value={ (format!("{:016x}", fastrand::u64(..))) };
                (fresh::note(visit))
                div.field {
                    label for="owner" { (t!("Owner")) }
                    input #owner name="owner" type="text" required maxlength="200" autocomplete="off";
                    p.hint { (t!("The name that the audit trail shows.")) }
                }
                fieldset {
                    legend { (t!("Scopes")) }
                    div.opts {
                        @for scope in Scope::ALL {
                            @if visit.may(*scope) {
                                label.opt { input type="checkbox" name="scope" value=(scope.as_str()); code { (scope.as_str()) } }
                            }
                        }
                    }
                }
                div.field {
                    label for="groups" { (t!("Groups")) }
                    input #groups name="groups" type="text" maxlength="200" autocomplete="off";
                    p.hint { (t!("Rules of approval name groups. Separate them with spaces.")) }
                }
                div.field {
                    label for="days" { (t!("Ends")) }
                    select #days name="days" {
                        @for days in LIVES {
                            option value=(days) {
                                @if days > 0 { (t!("in {days} days")) } @else { (t!("never")) }
                            }
                        }
                    }
                }
                div.field {
                    label for="note" { (t!("What it is for")) }
                    input #note name="note" type="text" maxlength="200" autocomplete="off";
                }
                div.field {
                    label for="reason" { (t!("Reason of acts that bring none")) }
                    input #reason name="reason" type="text" maxlength="200" autocomplete="off";
                    p.hint { (t!("For programs of the vendor, which cannot send one.")) }
                }
                div { button.btn."btn--go" disabled[!visit.signed_in.is_fresh()] { (t!("Make the key")) } }
            }
        }
    }
}
