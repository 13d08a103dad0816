//! Who you are, what you may do, and how the console looks to you.

use easemob_admin_words::{Language, t};
use maud::{Markup, html};

use super::{Part, head};
use crate::frame::form_secret;
use crate::icons::Icon;
use crate::look::Theme;
use crate::page::{Nav, Page};
use crate::times;
use crate::visit::{Facts, Visit};

pub(crate) async fn show(visit: Visit) -> Page {
    visit.page(Nav::Settings, || {
        let main = html! {
            (head(&visit, Part::You))
            div.cols."cols--even" { (person(&visit)) (looks(&visit)) }
        };
        (t!("Settings").to_owned(), main)
    })
}

fn person(visit: &Facts) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("You")) } }
            div.card-b.stack {
                dl.kv {
                    dt { (t!("Name")) } dd { bdi { (visit.signed_in.name()) } }
                    dt { (t!("Signed in")) } dd { (visit.time(visit.signed_in.since())) }
                    dt { (t!("Scopes for this app")) }
                    dd { @for scope in visit.signed_in.scopes(visit.app_name()) { code { (scope.as_str()) } " " } }
                }
                form method="post" action="/console/sign-out" {
                    (form_secret(visit))
                    button.btn { (Icon::SIGN_OUT) (t!("Sign out of the console")) }
                }
            }
        }
    }
}

fn looks(visit: &Facts) -> Markup {
    let languages = [
        ("en", "English", Language::English),
        ("zh-CN", "中文", Language::Chinese),
    ];
    let themes = [
        ("system", t!("As the system"), Theme::System),
        ("light", t!("Light"), Theme::Light),
        ("dark", t!("Dark"), Theme::Dark),
    ];
    let keys = [("on", t!("On"), true), ("off", t!("Off"), false)];
    html! {
        section.card {
            div.card-h { h2 { (t!("How the console looks")) } }
            div.card-b {
                form.stack method="post" action="/console/look" {
                    (form_secret(visit))
                    input type="hidden" name="next" value=(visit.address);
                    div.field {
                        label for="language" { (t!("Language")) }
                        select #language name="language" {
                            @for (value, name, language) in languages {
                                option value=(value) lang=(value) selected[visit.look.language == language] { (name) }
                            }
                        }
                    }
                    div.field {
                        label for="theme" { (t!("Theme")) }
                        select #theme name="theme" {
                            @for (value, name, theme) in themes {
                                option value=(value) selected[visit.look.theme == theme] { (name) }
                            }
                        }
                    }
                    div.field {
                        label for="zone" { (t!("Time zone")) }
                        input #zone name="zone" type="text" value=[visit.look.zone.iana_name()] maxlength="64" autocomplete="off";
                        p.hint { (t!("Now {}", times::full(visit.now, &visit.look.zone))) }
                    }
                    div.field {
                        label for="keys" { (t!("Single keys")) }
                        select #keys name="keys" {
                            @for (value, name, on) in keys {
                                option value=(value) selected[visit.look.keys == on] { (name) }
                            }
                        }
                        p.hint { (t!("/ searches, g and a letter go to a page, j and k move in a list; none confirms.")) }
                    }
                    div { button.btn."btn--go" { (t!("Save how it looks")) } }
                }
            }
        }
    }
}
