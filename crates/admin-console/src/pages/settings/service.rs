//! How the service is run: roles of people who sign in elsewhere, and where notices go. Its arguments and files say so.

use axum::http::Method;
use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::{GroupRole, IssuerRoles, NoticesView, ServiceSettings, TestNotice};
use easemob_admin_words::t;
use maud::{Markup, html};
use serde_json::json;

use super::{Part, head, scope_words};
use crate::frame::form_secret;
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::page::{Nav, Page, Trouble};
use crate::visit::{Facts, Visit};

pub(crate) async fn show(visit: Visit) -> Result<Page, Trouble> {
    let settings: ServiceSettings = visit.api.get_of_service("/v1/settings").await?;
    Ok(visit.page(Nav::Settings, || {
        let main = html! {
            (head(&visit, Part::Service))
            div.cols { (roles(&settings.issuers)) div.stack { (webhook(&visit, settings.notices.as_ref())) (rate(settings.key_rate)) } }
        };
        (t!("Service").to_owned(), main)
    }))
}

/// Sends a notice to the webhook, to see that it arrives.
pub(crate) async fn try_webhook(visit: Visit) -> Result<Response, Trouble> {
    let _: TestNotice = visit
        .api
        .send_to_service(Method::POST, "/v1/settings/test-notice", &json!({}))
        .await?;
    Ok(Redirect::to(&visit.link(&["settings", "service"])).into_response())
}

fn roles(issuers: &[IssuerRoles]) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("Roles")) } }
            @if issuers.is_empty() {
                div.state {
                    (Icon::USERS)
                    h3 { (t!("People have keys only")) }
                    p { (t!("With the argument {}, people sign in with an identity provider, and their groups give them roles.", "--openid")) }
                }
            } @else {
                div.tw role="region" aria-label=(t!("Roles")) tabindex="0" {
                    table.cards {
                        thead { tr {
                            th scope="col" { (t!("Group")) }
                            th scope="col" { (t!("Scopes")) }
                            th scope="col" { (t!("Apps")) }
                        } }
                        tbody {
                            @for issuer in issuers { @for role in &issuer.roles { (row(issuer, role)) } }
                        }
                    }
                }
                div.card-f { (t!("The file of the argument {} says so.", "--openid")) }
            }
        }
    }
}

fn row(issuer: &IssuerRoles, role: &GroupRole) -> Markup {
    html! {
        tr {
            th.c-lead scope="row" {
                bdi { (role.group) }
                span.sub { bdi { (issuer.issuer) } " · " code { (issuer.groups_claim) } }
            }
            td data-label=(t!("Scopes")) { (scope_words(&role.scopes)) }
            td data-label=(t!("Apps")) {
                div { @for app in &role.apps { @if app == "*" { (t!("all apps")) } @else { bdi { (app) } } " " } }
            }
        }
    }
}

fn webhook(visit: &Facts, notices: Option<&NoticesView>) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("Webhook")) } }
            @if let Some(notices) = notices {
                div.card-b.stack {
                    @if let Some(failing) = &notices.failing {
                        div.note."note--attn" {
                            (Icon::WARNING)
                            @if let Some(status) = failing.status { b { (t!("The receiver answers with status {status}")) } }
                            @else { b { (t!("The receiver does not answer")) } }
                        }
                    }
                    dl.kv {
                        dt { (t!("Receiver")) } dd { bdi { (notices.receiver) } }
                        @if let Some(failing) = &notices.failing {
                            dt { (t!("Failing since")) } dd { (visit.time(failing.since)) }
                        }
                        dt { (t!("Delivered")) } dd { (grouped(notices.delivered)) }
                        dt { (t!("Waiting")) } dd { (grouped(notices.waiting)) }
                        dt { (t!("Lost")) } dd { (grouped(notices.lost)) }
                        dt { (t!("Last delivered")) }
                        dd { @if let Some(last) = notices.last_delivered { (visit.time(last)) } @else { (t!("not yet")) } }
                    }
                    p.small.muted { (t!("Since the start of the process that answers.")) }
                    form method="post" action=(visit.link(&["settings", "service", "test-notice"])) {
                        (form_secret(visit))
                        button.btn { (t!("Send a test notice")) }
                    }
                }
            } @else {
                div.state {
                    (Icon::CLOCK)
                    h3 { (t!("Nobody is told")) }
                    p { (t!("With the argument {}, the service posts when a run has ended, a cap was hit or locks are overdue.", "--notices")) }
                }
            }
        }
    }
}

fn rate(key_rate: Option<u32>) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("Rate of requests")) } }
            div.card-b {
                dl.kv {
                    dt { (t!("Each key")) }
                    dd {
                        @if let Some(rate) = key_rate { (t!("at most {} in a second", grouped(u64::from(rate)))) }
                        @else { (t!("as many as it likes")) }
                    }
                }
            }
        }
    }
}
