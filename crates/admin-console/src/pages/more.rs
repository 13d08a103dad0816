//! The pages that have no tab on a phone.

use easemob_admin_words::t;
use maud::html;

use crate::icons::Icon;
use crate::page::{Nav, Page};
use crate::visit::Visit;

pub(crate) async fn show(visit: Visit) -> Page {
    visit.page(Nav::Settings, || {
        let places = [
            ("logins", Icon::LOGINS, t!("Logins")),
            ("locks", Icon::LOCK, t!("Locks")),
            ("bans", Icon::BAN, t!("Bans")),
            ("bulk", Icon::BULK, t!("Bulk")),
            ("limits", Icon::LIMITS, t!("Limits")),
            ("audit", Icon::AUDIT, t!("Audit trail")),
            ("settings", Icon::SETTINGS, t!("Settings")),
        ];
        let main = html! {
            div.head { div.head-t { h1 { (t!("More")) } } }
            section.card {
                ul.todo {
                    @for (path, icon, name) in places {
                        li { a href=(visit.link(&[path])) { (icon) b { (name) } (Icon::NEXT) } }
                    }
                }
            }
        };
        (t!("More").to_owned(), main)
    })
}
