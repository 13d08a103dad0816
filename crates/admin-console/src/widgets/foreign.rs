//! Texts that others have chosen, such as names: they are shown and never obeyed.

use easemob_admin_ops::names::characters::{Class, class};
use maud::{Markup, html};

/// Returns a text of others. What would not be seen, or would change how the rest is shown, is written out.
pub(crate) fn foreign(text: &str) -> Markup {
    html! { bdi.ids { @for piece in pieces(text) { @match piece {
        Piece::Plain(text) => (text),
        Piece::Hidden(character) => code.esc { (written_out(character)) },
    } } } }
}

#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Plain(&'t str),
    Hidden(char),
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut begin = 0;
    for (at, character) in text.char_indices().filter(|(_, one)| hides(*one)) {
        if begin < at {
            pieces.push(Piece::Plain(&text[begin..at]));
        }
        pieces.push(Piece::Hidden(character));
        begin = at + character.len_utf8();
    }
    if begin < text.len() {
        pieces.push(Piece::Plain(&text[begin..]));
    }
    pieces
}

fn hides(character: char) -> bool {
    let class = class(character);
    matches!(
        class,
        Class::Control | Class::Invisible | Class::OddBlank | Class::Damaged | Class::Meaningless
    )
}

fn written_out(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_be_seen_is_written_out() {
        let shown = |text: &str| foreign(text).into_string();
        assert_eq!(shown("store 12"), r#"<bdi class="ids">store 12</bdi>"#);
        assert_eq!(
            shown("store\u{202e}21\n"),
            r#"<bdi class="ids">store<code class="esc">U+202E</code>21<code class="esc">U+000A</code></bdi>"#
        );
        assert_eq!(
            shown("<b>vip</b>&\u{200b}"),
            r#"<bdi class="ids">&lt;b&gt;vip&lt;/b&gt;&amp;<code class="esc">U+200B</code></bdi>"#
        );
        assert_eq!(shown("名前 é"), r#"<bdi class="ids">名前 é</bdi>"#);
        assert_eq!(shown(""), r#"<bdi class="ids"></bdi>"#);
    }
}
