//! Sends all users whom a filter leaves as a file, however many there are.

use axum::extract::RawQuery;
use axum::response::Response;
use easemob_admin_remote::api::{KnownUserView, Page, UsersPage};

use super::query::{Filter, Query, Sort};
use super::read;
use crate::page::Trouble;
use crate::visit::Visit;
use crate::widgets::csv::cell;
use crate::widgets::download;

/// How many users are read at once.
const AT_ONCE: u64 = 1_000;

pub(super) async fn download(visit: Visit, RawQuery(text): RawQuery) -> Result<Response, Trouble> {
    let filter = Query::read(&text.unwrap_or_default()).filter;
    let first = rows(&visit, filter.clone(), None).await?;
    let headers = download::headers("users", visit.app_name(), visit.now, "csv");
    let read = move |after: String| {
        let (visit, filter) = (visit.clone(), filter.clone());
        async move { rows(&visit, filter, Some(after)).await }
    };
    Ok(download::pages(
        headers,
        "user,devices,platforms,over_limit,last_seen",
        first,
        read,
        line,
    ))
}

/// Reads users in the order of their names, in which nobody changes the place while others are read.
async fn rows(
    visit: &Visit,
    filter: Filter,
    after: Option<String>,
) -> Result<Page<KnownUserView>, easemob_admin_remote::api::Problem> {
    let query = Query {
        filter,
        sort: Sort::User,
        after,
        ..Query::default()
    };
    let page: UsersPage = read(visit, &query, AT_ONCE).await?;
    Ok(Page {
        items: page.items,
        next: page.next,
    })
}

fn line(user: &KnownUserView) -> String {
    let platforms: Vec<String> = user
        .platforms
        .iter()
        .map(|(platform, devices)| format!("{platform}:{devices}"))
        .collect();
    let fields = [
        cell(&user.user),
        user.devices.to_string(),
        cell(&platforms.join(" ")),
        user.over_limit.to_string(),
        user.last_seen.map(|at| at.to_string()).unwrap_or_default(),
    ];
    fields.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_what_the_page_shows_and_no_formula() {
        let user = KnownUserView {
            user: "=cmd|' /C calc'!A0".into(),
            devices: 3,
            platforms: [("android".to_owned(), 1), ("web".to_owned(), 2)].into(),
            over_limit: true,
            last_seen: "2026-11-28T01:42:18Z".parse().ok(),
        };
        assert_eq!(
            line(&user),
            "'=cmd|' /C calc'!A0,3,android:1 web:2,true,2026-11-28T01:42:18Z\r\n"
        );
    }
}
