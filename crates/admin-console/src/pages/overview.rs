//! What needs somebody, and how the app is.

use easemob_admin_words::t;
use maud::html;

use crate::page::{Nav, Page, Trouble};
use crate::visit::Visit;

pub(crate) async fn show(visit: Visit) -> Result<Page, Trouble> {
    Ok(visit.page(Nav::Overview, || {
        let main = html! { div.head { div.head-t { h1 { (t!("Overview")) } } } };
        (t!("Overview").to_owned(), main)
    }))
}
