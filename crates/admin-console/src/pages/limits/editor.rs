//! The text of a policy with what is wrong in it, at its line.

use std::path::Path;

use easemob_admin_ops::policy::{PolicyError, PolicyOnDisk};
use easemob_admin_words::t;
use maud::{Markup, html};

use crate::icons::Icon;
use crate::widgets::foreign::foreign;

/// The name in messages, which is left out again.
const NAME: &str = "policy";

/// What is wrong, and where: lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) line: usize,
    pub(super) message: String,
}

/// Reads a policy as the service does.
pub(super) fn read(text: &str) -> Result<PolicyOnDisk, Wrong> {
    PolicyOnDisk::read(text.as_bytes(), Path::new(NAME)).map_err(|error| match error {
        PolicyError::Content { line, message, .. } => Wrong { line, message },
        PolicyError::NotText { line, foreign, .. } => Wrong {
            line,
            message: foreign.words().to_owned(),
        },
        other @ PolicyError::Read { .. } => Wrong {
            line: 1,
            message: other.to_string(),
        },
    })
}

/// Returns the editor. The lines in `changed` are marked.
pub(super) fn markup(text: &str, wrong: Option<&Wrong>, changed: &[usize]) -> Markup {
    // A box of one line would be hard to meet.
    let lines = text.lines().count().max(12);
    html! {
        @if let Some(Wrong { line, message }) = wrong {
            div.note."note--attn"."note--in" #wrong role="status" {
                (Icon::WARNING)
                div { b { (t!("1 line to correct.")) } " " a.inline href="#policy" { (t!("Line {}", line)) } ": " (foreign(message)) }
            }
        }
        div.ed role="region" aria-label=(t!("Text of the policy")) tabindex="0" {
            ol aria-hidden="true" {
                @for number in 1..=lines {
                    @match wrong.filter(|wrong| wrong.line == number) {
                        Some(wrong) => li.is-bad { span.ln { (number) } (Icon::WARNING) span.msg { (foreign(&wrong.message)) } },
                        None => li.is-new[changed.contains(&number)] { span.ln { (number) } },
                    }
                }
            }
            label.vh for="policy" { (t!("Policy, TOML")) }
            textarea #policy name="policy" rows=(lines) spellcheck="false" autocapitalize="off" wrap="off" maxlength="200000"
                aria-invalid=[wrong.map(|_| "true")] aria-describedby=[wrong.map(|_| "wrong")] { "\n" (text) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_at_its_line() {
        assert!(read("default = 4\n[platforms]\nweb = 2\n").is_ok());
        let wrong = read("default = 4\n\n[platforms]\nweb = -1\n").unwrap_err();
        assert_eq!(wrong.line, 4, "{wrong:?}");
        assert!(!wrong.message.contains("policy, line"), "{wrong:?}");
        let shown = markup("default = 4\n\n[platforms]\nweb = -1\n", Some(&wrong), &[4, 5]).into_string();
        assert_eq!(shown.matches("is-bad").count(), 1);
        assert_eq!(
            shown.matches("is-new").count(),
            1,
            "what is wrong is not told twice"
        );
        assert_eq!(shown.matches("<li").count(), 12);
    }
}
