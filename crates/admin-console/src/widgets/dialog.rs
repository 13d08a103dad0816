//! Dialogs: a question about an act, with the app and the number, which defaults to No.

use easemob_admin_words::t;
use maud::{Markup, html};

use crate::frame::form_secret;
use crate::icons::Icon;
use crate::visit::Visit;

/// A question. It has an address of its own, and a page behind it.
pub(crate) struct Dialog<'d> {
    /// The question, with verb and number.
    pub(crate) question: Markup,
    pub(crate) icon: Icon,
    /// Where the form is sent to.
    pub(crate) action: &'d str,
    /// The address that No leads to.
    pub(crate) back: &'d str,
    /// Facts and fields.
    pub(crate) content: Markup,
    /// What the button does, and to how many.
    pub(crate) button: &'d str,
    /// Whether the button is red.
    pub(crate) is_danger: bool,
    /// Whether the name of the app has to be typed.
    pub(crate) typed: bool,
}

impl Dialog<'_> {
    /// Returns the dialog. The script shows it as modal; without a script it is open, over the page.
    pub(crate) fn render(&self, visit: &Visit) -> Markup {
        let app = visit.app.as_ref();
        let name = app.map(|app| app.app.as_str()).unwrap_or_default();
        html! {
            div.scrim {}
            dialog.dialog open data-modal data-back=(self.back) aria-labelledby="question" {
                div.dialog-h {
                    span.mark { (self.icon) }
                    div { h2 #question { (self.question) } }
                }
                form method="post" action=(self.action) {
                    // Enter presses the first button of a form: this one does nothing.
                    button disabled hidden {}
                    (form_secret(visit))
                    div.dialog-b {
                        @if let Some(app) = app {
                            div.where {
                                b { (app.app) }
                                @if app.sandbox { span.env."env--sandbox" { (t!("sandbox")) } }
                                @else { span.env { (t!("production")) } }
                                span.muted.mono { (app.app_root) }
                            }
                        }
                        (self.content)
                        @if self.typed {
                            div.field {
                                label for="typed" { (t!("To confirm, type the name of the app: ")) code { (name) } }
                                input #typed .mono type="text" name="typed" data-typed=(name) autocomplete="off" spellcheck="false" required;
                            }
                        }
                    }
                    div.dialog-f {
                        span.small.muted.only-wide { (t!("Esc is No")) }
                        a.btn href=(self.back) autofocus data-no { (t!("Cancel")) }
                        button class=(if self.is_danger { "btn btn--danger" } else { "btn btn--go" })
                            data-waits[self.typed] { (self.button) }
                    }
                }
            }
        }
    }
}

/// Returns a link to a dialog. With the script, the dialog opens over the page.
pub(crate) fn opens(address: &str, class: &str, content: &Markup) -> Markup {
    link(None, address, class, content)
}

/// Returns the same in a part of a page that is read again: by its id, it keeps the focus.
pub(crate) fn opens_as(id: &str, address: &str, class: &str, content: &Markup) -> Markup {
    link(Some(id), address, class, content)
}

fn link(id: Option<&str>, address: &str, class: &str, content: &Markup) -> Markup {
    html! {
        a id=[id] class=(class) href=(address) hx-get=(address) hx-select="dialog" hx-target="#main" hx-swap="beforeend" { (content) }
    }
}
