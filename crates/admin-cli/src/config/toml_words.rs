//! Errors of TOML files in words: the line, the key, and the key that was probably meant; never a value.

use std::ops::Range;

/// Returns the line that a place in `text` is on, counted from 1.
#[must_use]
pub fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start.min(text.len()));
    text.as_bytes()[..start].split(|byte| *byte == b'\n').count()
}

/// Says what is wrong with a file without showing a value: one of them may be a secret.
#[must_use]
pub fn in_words(error: &toml::de::Error) -> String {
    let said = error.message();
    // What serde says of an unknown key names all that are known in its place.
    if let ["unknown field ", key, known @ ..] = &said.split('`').collect::<Vec<_>>()[..] {
        let known: Vec<&str> = known.iter().copied().skip(1).step_by(2).collect();
        return match nearest(key, &known) {
            Some(nearest) => format!("unknown key `{key}`; did you mean `{nearest}`?"),
            None => format!("unknown key `{key}`"),
        };
    }
    match said.split_once(", expected ") {
        Some((_, expected)) => format!("wrong value, expected {expected}"),
        None => said.to_owned(),
    }
}

/// Returns the known word that is most like `word`, if any is much like it.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |candidate: &&str| strsim::jaro_winkler(word, candidate);
    let best = known
        .iter()
        .copied()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) > 0.8).then_some(best)
}
