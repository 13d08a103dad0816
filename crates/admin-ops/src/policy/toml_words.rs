//! Describes errors of TOML files: the line, the key, and the key that was probably intended; never a value.

use std::ops::Range;

/// Returns the line of a position in `text`, counted from 1.
#[must_use]
pub fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start.min(text.len()));
    text.as_bytes()[..start].split(|byte| *byte == b'\n').count()
}

/// Describes an error in the file `text` without showing a value, because one of them may be a secret.
#[must_use]
pub fn in_words(text: &str, error: &toml::de::Error) -> String {
    let said = error.message();
    // For an unknown key, serde lists all known keys in that place.
    if let ["unknown field ", key, known @ ..] = &said.split('`').collect::<Vec<_>>()[..] {
        let known: Vec<&str> = known.iter().copied().skip(1).step_by(2).collect();
        return match nearest(key, &known) {
            Some(nearest) => format!("unknown key `{key}`; did you mean `{nearest}`?"),
            None => format!("unknown key `{key}`"),
        };
    }
    match said.split_once(", expected ") {
        Some((_, expected)) => {
            let of = key_of(text, error.span()).map_or_else(String::new, |key| format!(" of `{key}`"));
            let expected = match expected {
                "u8" | "u16" | "u32" | "u64" | "usize" => "a non-negative integer",
                other => other,
            };
            format!("wrong value{of}, expected {expected}")
        }
        None => said.to_owned(),
    }
}

/// Returns the key whose value is at a position in `text`, or `None` if the position does not follow a `key
/// =`.
fn key_of(text: &str, span: Option<Range<usize>>) -> Option<&str> {
    let before = text.get(..span?.start)?.trim_end().strip_suffix('=')?.trim_end();
    let bare = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    let key = before.trim_end_matches(bare);
    Some(&before[key.len()..]).filter(|key| !key.is_empty())
}

/// Returns the known word that is most similar to `word`, if any is similar enough.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let likeness = |candidate: &&str| strsim::jaro_winkler(word, candidate);
    let best = known
        .iter()
        .copied()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) > 0.8).then_some(best)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_wrong_value_is_named_by_its_key_and_not_shown() {
        let words = |text: &str| {
            let error = toml::from_str::<BTreeMap<String, BTreeMap<String, u32>>>(text).unwrap_err();
            in_words(text, &error)
        };
        let whole = "expected a non-negative integer";
        assert_eq!(
            words("[limits]\nweb = \"x=1\""),
            format!("wrong value of `web`, {whole}")
        );
        assert_eq!(
            words("limits = { ios = 1, web= true }"),
            format!("wrong value of `web`, {whole}")
        );
        assert_eq!(
            words("[limits]\n\"a b\" = \"s3cret\""),
            format!("wrong value, {whole}")
        );
    }
}
