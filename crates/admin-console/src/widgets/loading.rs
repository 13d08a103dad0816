//! What stands in the place of rows that are being read, with their heights. The script shows it when its form is sent.

use maud::{Markup, html};

/// The lengths of what is to come, by row and column.
const ROWS: [[&str; 3]; 4] = [
    ["sk sk-60", "sk sk-40", "sk sk-80"],
    ["sk sk-80", "sk sk-40", "sk sk-60"],
    ["sk sk-60", "sk sk-40", "sk sk-60"],
    ["sk sk-80", "sk sk-60", "sk sk-80"],
];

/// Returns a card that says what is being read.
pub(crate) fn card(sentence: &str) -> Markup {
    html! {
        section.card data-loading hidden {
            p.vh role="status" { (sentence) }
            div.tw { table.pulse aria-hidden="true" {
                tbody { @for row in ROWS { tr { @for length in row { td.w-sk { span class=(length) {} } } } } }
            } }
            div.card-f { span { (sentence) } }
        }
    }
}
