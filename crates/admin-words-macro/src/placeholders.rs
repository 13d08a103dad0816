//! Finds the placeholders of a format string, to compare those of a sentence and its translation.

use std::collections::BTreeMap;

/// Words that only an English sentence needs, since Chinese has no plural: `{count} {noun}`.
const PLURALS: [&str; 3] = ["noun", "verb", "are"];

/// Returns how often each placeholder occurs, by its name or number and its format. Those without a name are numbered.
///
/// # Errors
/// When a brace has no other end.
pub(crate) fn placeholders(text: &str) -> Result<BTreeMap<String, usize>, String> {
    let mut found = BTreeMap::new();
    let mut rest = text.replace("{{", "").replace("}}", "");
    let mut next = 0;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inside, after)) = after.split_once('}').filter(|_| !before.contains('}')) else {
            return Err(format!("`{text}` has a brace without its other end"));
        };
        let (name, format) = inside.split_once(':').unwrap_or((inside, ""));
        let name = if name.is_empty() {
            next += 1;
            (next - 1).to_string()
        } else {
            name.to_owned()
        };
        *found.entry(format!("{name}:{format}")).or_default() += 1;
        rest = after.to_owned();
    }
    if rest.contains('}') {
        return Err(format!("`{text}` has a brace without its other end"));
    }
    Ok(found)
}

/// Returns a placeholder that only one of the two has, unless only the sentence has it for its plural.
pub(crate) fn difference(
    sentence: &BTreeMap<String, usize>,
    translation: &BTreeMap<String, usize>,
) -> Option<String> {
    let lost = sentence
        .keys()
        .filter(|name| !PLURALS.contains(&name.trim_end_matches(':')))
        .find(|name| !translation.contains_key(*name));
    let added = translation.keys().find(|name| !sentence.contains_key(*name));
    lost.or(added)
        .map(|name| format!("{{{}}}", name.trim_end_matches(':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference_of(sentence: &str, translation: &str) -> Option<String> {
        difference(
            &placeholders(sentence).unwrap(),
            &placeholders(translation).unwrap(),
        )
    }

    #[test]
    fn a_translation_has_the_placeholders_of_its_sentence() {
        for (sentence, translation, expected) in [
            ("{app} of {}", "{} 的 {app}", None),
            ("{} of {}", "{1} 里的 {0}", None),
            ("{count} {noun}", "{count} 台设备", None),
            ("{rate:.1}/s", "每秒 {rate:.1}", None),
            ("{rate:.1}/s", "每秒 {rate}", Some("{rate:.1}")),
            ("{app}", "应用", Some("{app}")),
            ("the app", "{app}", Some("{app}")),
            ("{{}}", "{{}}", None),
        ] {
            assert_eq!(
                difference_of(sentence, translation).as_deref(),
                expected,
                "{sentence}"
            );
        }
    }

    #[test]
    fn braces_have_two_ends() {
        assert!(["{a", "a}", "}{"].iter().all(|text| placeholders(text).is_err()));
    }
}
