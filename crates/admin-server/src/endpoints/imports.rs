//! Posts of the vendor's servers that were kept elsewhere, such as by a collector of one's own.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::{Extension, Json};
use easemob_admin_ops::collector::payload;
use easemob_admin_ops::logins::store::LoginStore;
use easemob_admin_remote::api::{Imported, Problem, RefusedPost, Scope};
use serde_json::json;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::apps::App;
use crate::blocking::blocking;
use crate::body_lines::BodyLines;
use crate::extract::{media_type, wrong_type};
use crate::pieces::LINES;
use crate::problem::Refusal;
use crate::routes::{Routes, Rule};
use crate::service::Service;

/// How many posts are kept in one transaction.
const GROUP: usize = 1_000;

/// The longest line: an event has a thousand bytes.
const LONGEST_POST: usize = 1024 * 1024;

/// How many refusals are told one by one.
const TOLD: usize = 1_000;

/// What is imported makes devices old or new, and so decides who is signed out by a policy.
const WRITE: Rule = Rule::HasForApp(&[Scope::LimitsWrite]);

pub(super) fn routes() -> Routes {
    Routes::new().add(WRITE, routes!(import))
}

/// Keeps posts of the vendor's servers about logins: one in each line, as it was received. Events that are kept already, from a post or
/// an earlier import, are not kept again, so a request whose answer is lost can be sent again. Signatures are for whoever has the secret to
/// verify. What the answer counts is on disk.
#[utoipa::path(post, path = "/v1/apps/{app}/logins/import", tag = "logins", params(("app" = String, Path)),
    request_body(content = Object, content_type = "application/x-ndjson"),
    responses((status = 200, body = Imported), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
async fn import(
    State(service): State<Service>,
    Extension(app): Extension<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(_): Path<String>,
    request: Request,
) -> Result<Json<Imported>, Refusal> {
    if media_type(request.headers()) != Some(LINES) {
        return Err(wrong_type(LINES));
    }
    let mut lines = BodyLines::of(request.into_body());
    let (this, of) = (service.clone(), Arc::clone(&app));
    let mut keeping = blocking(move || {
        this.stores().runs().can_record(&of.target)?;
        let store = this.stores().logins().of(&of.target.name())?;
        Ok::<_, Refusal>(Keeping {
            store,
            app: of,
            imported: Imported::default(),
        })
    })
    .await?;
    let (mut group, mut at_end) = (Vec::with_capacity(GROUP), false);
    while !at_end {
        match lines.next(LONGEST_POST).await? {
            Some(line) if line.trim_ascii().is_empty() => {}
            Some(line) => group.push(line),
            None => at_end = true,
        }
        if group.len() == GROUP || at_end {
            let (these, now_ms) = (std::mem::take(&mut group), service.now().as_millisecond());
            keeping = blocking(move || keeping.keep(&these, now_ms)).await?;
        }
    }
    let imported = keeping.imported;
    blocking(move || {
        let details = [
            ("posts", json!(imported.lines)),
            ("new", json!(imported.new)),
            ("duplicate", json!(imported.duplicate)),
            ("refused", json!(imported.refused)),
        ];
        super::recorded(&service, &app, &caller, "logins.imported", details)?;
        Ok::<_, Refusal>(Json(imported))
    })
    .await
}

struct Keeping {
    store: Box<dyn LoginStore>,
    app: Arc<App>,
    imported: Imported,
}

impl Keeping {
    /// Keeps the events of some posts. Blocks.
    fn keep(mut self, posts: &[Vec<u8>], now_ms: i64) -> Result<Self, Refusal> {
        let Self { store, app, imported } = &mut self;
        let mut events = Vec::with_capacity(posts.len());
        for post in posts {
            imported.lines += 1;
            match payload::read(post.trim_ascii_end(), &app.target.app, now_ms) {
                Ok(received) => match received.event {
                    Some(event) => events.push(event),
                    None => imported.other += 1,
                },
                Err(error) => {
                    imported.refused += 1;
                    if imported.refusals.len() < TOLD {
                        imported.refusals.push(RefusedPost {
                            line: imported.lines,
                            why: error.to_string(),
                        });
                    }
                }
            }
        }
        for is_new in store.record_events(&events, now_ms)? {
            *if is_new {
                &mut imported.new
            } else {
                &mut imported.duplicate
            } += 1;
        }
        Ok(self)
    }
}
