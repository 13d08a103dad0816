//! What differs between two texts, line by line. Pure.

use easemob_admin_words::t;
use maud::{Markup, html};

/// The most lines of a text that are compared: the work grows with the product of both.
const MOST: usize = 2_000;

/// How many lines around a change are shown.
const AROUND: usize = 2;

/// A line of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'t> {
    Same(&'t str),
    Gone(&'t str),
    New(&'t str),
}

/// Compares two texts; nothing if one of them is too long.
pub(super) fn compare<'t>(before: &'t str, after: &'t str) -> Option<Vec<Line<'t>>> {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    if before.len().max(after.len()) > MOST {
        return None;
    }
    // For each place, how many lines the rests of both texts have in common.
    let width = after.len() + 1;
    let mut common = vec![0_u16; (before.len() + 1) * width];
    for at in (0..before.len()).rev() {
        for to in (0..after.len()).rev() {
            common[at * width + to] = if before[at] == after[to] {
                common[(at + 1) * width + to + 1] + 1
            } else {
                common[(at + 1) * width + to].max(common[at * width + to + 1])
            };
        }
    }
    let (mut at, mut to) = (0, 0);
    let mut lines = Vec::new();
    while at < before.len() || to < after.len() {
        if at < before.len() && to < after.len() && before[at] == after[to] {
            lines.push(Line::Same(before[at]));
            at += 1;
            to += 1;
        } else if to == after.len()
            || (at < before.len() && common[(at + 1) * width + to] >= common[at * width + to + 1])
        {
            lines.push(Line::Gone(before[at]));
            at += 1;
        } else {
            lines.push(Line::New(after[to]));
            to += 1;
        }
    }
    Some(lines)
}

/// Returns the numbers of the lines that are new, counted from 1.
pub(super) fn new_lines(lines: &[Line<'_>]) -> Vec<usize> {
    let here = lines.iter().filter(|line| !matches!(line, Line::Gone(_)));
    let numbered = (1..).zip(here);
    let new = numbered.filter(|(_, line)| matches!(line, Line::New(_)));
    new.map(|(number, _)| number).collect()
}

/// Shows what differs, with a few lines around it.
pub(super) fn card(title: &str, lines: Option<&[Line<'_>]>) -> Markup {
    html! {
        section.card #changes {
            div.card-h { h2 { (title) } }
            @match lines {
                None => div.card-b { p."small-t" { (t!("The texts are too long to be compared here.")) } },
                Some(lines) if lines.iter().all(|line| matches!(line, Line::Same(_))) => div.card-b { p.muted."small-t" { (t!("Nothing differs")) } },
                Some(lines) => div.diff role="region" aria-label=(title) tabindex="0" {
                    @for (at, line) in lines.iter().enumerate() {
                        @match line {
                            Line::Gone(text) => div.del { "- " (text) },
                            Line::New(text) => div.add { "+ " (text) },
                            Line::Same(text) if is_near(lines, at) => div { "  " (text) },
                            Line::Same(_) if at == 0 || is_near(lines, at - 1) || !matches!(lines[at - 1], Line::Same(_)) => div { "  …" },
                            Line::Same(_) => {},
                        }
                    }
                },
            }
        }
    }
}

fn is_near(lines: &[Line<'_>], at: usize) -> bool {
    let around = &lines[at.saturating_sub(AROUND)..(at + AROUND + 1).min(lines.len())];
    around.iter().any(|line| !matches!(line, Line::Same(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_both_have_stay() {
        let lines = compare("a\nb\nc\nd", "a\nx\nc\nd\ne").unwrap();
        assert_eq!(
            lines,
            [
                Line::Same("a"),
                Line::Gone("b"),
                Line::New("x"),
                Line::Same("c"),
                Line::Same("d"),
                Line::New("e")
            ]
        );
        assert_eq!(new_lines(&lines), [2, 5]);
        assert_eq!(compare("", "").unwrap(), []);
        assert_eq!(compare("a", "").unwrap(), [Line::Gone("a")]);
        assert_eq!(compare(&"a\n".repeat(MOST + 1), ""), None);
    }

    #[test]
    fn what_is_far_from_a_change_is_left_out() {
        let lines: Vec<String> = (0..50).map(|line| format!("line {line}")).collect();
        let before = lines.join("\n");
        let after = before.replace("line 25\n", "line 25 <b>\n");
        let shown = card("Changes", compare(&before, &after).as_deref()).into_string();
        assert!(
            shown.contains("+ line 25 &lt;b&gt;") && shown.contains("  line 27"),
            "{shown}"
        );
        assert!(
            !shown.contains("line 20") && shown.matches('…').count() == 2,
            "{shown}"
        );
    }
}
