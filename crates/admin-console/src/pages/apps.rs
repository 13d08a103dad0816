//! The apps, to choose one.

use axum::response::{IntoResponse as _, Redirect, Response};
use easemob_admin_remote::api::AppView;
use easemob_admin_words::t;
use maud::html;

use crate::api::encoded;
use crate::page::{Nav, Page, Trouble};
use crate::visit::Visit;

/// Goes to the only app, or to the list.
pub(crate) async fn first(visit: Visit) -> Result<Response, Trouble> {
    let apps: Vec<AppView> = visit.api.get_of_service("/v1/apps").await?;
    Ok(match &apps[..] {
        [app] => Redirect::to(&overview(app)).into_response(),
        _ => Redirect::to("/console/apps").into_response(),
    })
}

pub(crate) async fn list(visit: Visit) -> Result<Page, Trouble> {
    let apps: Vec<AppView> = visit.api.get_of_service("/v1/apps").await?;
    Ok(visit.page(Nav::Apps, || {
        let main = html! {
            div.head { div.head-t { h1 { (t!("Apps")) } } }
            section.card {
                div.tw {
                    table {
                        thead { tr {
                            th scope="col" { (t!("App")) }
                            th scope="col" { (t!("Environment")) }
                            th scope="col" { (t!("Address")) }
                        } }
                        tbody {
                            @for app in &apps {
                                tr {
                                    th scope="row" { a href=(overview(app)) { bdi { (app.name) } } }
                                    td { @if app.sandbox { (t!("sandbox")) } @else { (t!("production")) } }
                                    td.mono { (app.app_root) }
                                }
                            }
                        }
                    }
                }
                @if apps.is_empty() { div.card-b { p { (t!("You may do nothing for any app.")) } } }
            }
        };
        (t!("Apps").to_owned(), main)
    }))
}

fn overview(app: &AppView) -> String {
    format!("/console/{}/overview", encoded(&app.name))
}
