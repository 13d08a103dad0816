//! The table of the vendor's calls says what is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use easemob_admin_api::endpoints::NAMES;

fn sources(folder: &str) -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder)];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                texts.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    texts
}

/// Returns the words behind `before` and before whatever is no part of a word.
fn words<'a>(text: &'a str, before: &str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
        rest.get(..end.unwrap_or(rest.len()))
    })
}

/// Returns the public methods of a type in some sources.
fn methods(sources: &[String], of: &str) -> BTreeSet<String> {
    let start = format!("impl {of} {{\n");
    let blocks = sources
        .iter()
        .flat_map(|text| text.split(&start).skip(1))
        .map(|block| block.split("\n}\n").next().unwrap_or(block));
    blocks
        .flat_map(|block| words(block, "\n    pub fn ").chain(words(block, "\n    pub async fn ")))
        .map(str::to_owned)
        .collect()
}

fn rows() -> Vec<(String, String)> {
    let page = include_str!("../../../../docs/vendor-calls.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        assert_eq!(cells.len(), 3, "{row}");
        (cells[0].trim_start_matches("| ").to_owned(), cells[2].to_owned())
    })
    .collect()
}

#[test]
fn every_call_of_the_vendor_has_its_method_or_a_reason() {
    let (mut named, mut calls) = (BTreeSet::new(), BTreeSet::new());
    let known: BTreeSet<String> = methods(&sources("endpoints"), "Client")
        .into_iter()
        .chain(methods(&sources("client"), "Client"))
        .collect();
    for (call, answer) in rows() {
        let methods: Vec<_> = words(&answer, "`Client::").collect();
        for method in &methods {
            assert!(known.contains(*method), "{call}: there is no Client::{method}");
        }
        if answer.starts_with("none: ") {
            assert!(!answer.contains("(`"), "{call} has no method and a name");
            continue;
        }
        assert!(
            !methods.is_empty() || answer.contains("`Discovery::find`"),
            "{call} has neither"
        );
        named.extend(methods.into_iter().map(str::to_owned));
        calls.extend(words(&answer, "(`").map(str::to_owned));
    }
    let missing: Vec<_> = methods(&sources("endpoints"), "Client")
        .into_iter()
        .filter(|method| !named.contains(method))
        .collect();
    assert!(missing.is_empty(), "not in docs/vendor-calls.md: {missing:?}");
    let all: BTreeSet<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(
        calls, all,
        "docs/vendor-calls.md (left), endpoints::NAMES (right)"
    );
}

#[test]
fn the_list_of_names_has_every_call() {
    let sources = sources("endpoints");
    let text = sources.concat();
    let constants = words(&text, "\n    const NAME: &'static str = \"");
    // The calls of contacts are made by macros, which take the name as an argument.
    let of_macros = words(&text, ", \"").filter(|word| word.starts_with("contacts."));
    let written: BTreeSet<&str> = constants.chain(of_macros).collect();
    let listed: BTreeSet<&str> = NAMES.iter().copied().collect();
    assert_eq!(written, listed);
    assert_eq!(NAMES.len(), listed.len(), "each once");
}
