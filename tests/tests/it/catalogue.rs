//! Every sentence that people read is in the catalogue, and the catalogue has no other.

use std::collections::BTreeSet;
use std::path::Path;

use clap::CommandFactory as _;
use easemob_admin_cli::cli::Cli;
use easemob_admin_cli::commands::help::{language, topic};
use easemob_admin_cli::exit;
use easemob_admin_cli::present::terms::terms;
use easemob_admin_words::{CATALOGUE, chinese};
use proc_macro2::{TokenStream, TokenTree};

/// The sentences of source code.
#[derive(Default)]
struct Said(BTreeSet<String>);

impl Said {
    fn folder(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.folder(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                self.tokens(
                    source
                        .parse()
                        .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
                );
            }
        }
    }

    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let TokenTree::Group(group) = token else { continue };
            let before = |back: usize| at.checked_sub(back).map(|at| tokens[at].to_string());
            let is_macro = before(1).as_deref() == Some("!")
                && ["t", "told_later"].contains(&before(2).unwrap_or_default().as_str());
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            if is_macro {
                self.0.extend(inside.first().and_then(text));
            } else if before(1).as_deref() == Some("counted") {
                self.0
                    .extend(inside.last().and_then(text).map(|noun| format!("1 {noun}")));
            } else if before(1).as_deref() == Some("noun") {
                self.0.extend(inside.last().and_then(text));
            } else if before(1).as_deref() == Some("&") && is_list_of_columns(&tokens[..at]) {
                self.0.extend(
                    inside
                        .iter()
                        .filter_map(text)
                        .map(|column| column.replace('_', " ")),
                );
            } else if returns_words(&tokens[..at]) {
                self.words(group.stream());
            }
            self.tokens(group.stream());
        }
    }

    /// Takes all texts of a function that returns words.
    fn words(&mut self, body: TokenStream) {
        for token in body {
            match token {
                TokenTree::Group(group) => self.words(group.stream()),
                token => self.0.extend(text(&token).map(|word| word.replace('_', " "))),
            }
        }
    }
}

/// Returns true after `fn word(…) -> &'static str` and `fn state(…) …`, whose body has the words of a column.
fn returns_words(tokens: &[TokenTree]) -> bool {
    let words: Vec<String> = tokens.iter().rev().take(9).map(ToString::to_string).collect();
    let name = words
        .iter()
        .position(|word| word == "fn")
        .and_then(|place| words.get(place.checked_sub(1)?));
    words.first().is_some_and(|word| word == "str")
        && name.is_some_and(|name| name == "word" || name == "state")
}

/// Returns true after `const TABLE: &'static [&'static str] =` and `const COLUMNS: …`.
fn is_list_of_columns(tokens: &[TokenTree]) -> bool {
    let words: Vec<String> = tokens.iter().rev().take(12).map(ToString::to_string).collect();
    words.first().is_some_and(|word| word == "&")
        && words.get(1).is_some_and(|word| word == "=")
        && words
            .iter()
            .take_while(|word| *word != ";")
            .any(|word| word == "TABLE" || word == "COLUMNS")
}

fn text(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else {
        return None;
    };
    syn::parse_str::<syn::LitStr>(&literal.to_string())
        .ok()
        .map(|text| text.value())
}

#[test]
fn every_sentence_has_a_translation_and_every_translation_a_sentence() {
    let mut said = Said::default();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    said.folder(&crates.join("admin-cli/src"));
    said.folder(&crates.join("admin-console/src"));
    said.folder(&crates.join("admin-ops/src"));
    let mut said = said.0;
    language::each_text(&Cli::command(), &mut |text| {
        said.insert(text.to_owned());
    });
    let meanings = exit::ALL.iter().map(|exit| exit.meaning());
    let topics = topic::ENVIRONMENT
        .iter()
        .chain(topic::FILES)
        .map(|(_, about)| *about);
    said.extend(meanings.chain(topics).map(str::to_owned).chain(terms()));
    let missing = said
        .iter()
        .filter(|text| text.chars().any(char::is_alphabetic) && chinese(text).is_none());
    let missing: Vec<_> = missing.collect();
    let unused: Vec<_> = CATALOGUE
        .iter()
        .map(|(text, _)| *text)
        .filter(|text| !said.contains(*text))
        .collect();
    assert!(missing.is_empty(), "not in zh-CN.po: {missing:#?}");
    assert!(unused.is_empty(), "zh-CN.po has what nobody says: {unused:#?}");
}

#[test]
fn the_chinese_is_set_as_in_technical_documents() {
    let is_chinese = |character: char| ('\u{4e00}'..='\u{9fff}').contains(&character);
    let mut wrong = Vec::new();
    for (english, chinese) in CATALOGUE {
        let characters: Vec<char> = chinese.chars().collect();
        for pair in characters.windows(2) {
            let (one, other) = (pair[0], pair[1]);
            let latin = |character: char| character.is_ascii_alphanumeric() || character == '`';
            if is_chinese(one) && latin(other) || latin(one) && is_chinese(other) {
                wrong.push(format!("no space in `{one}{other}`: {chinese}"));
            }
            if is_chinese(one) && ",;:!?(".contains(other) {
                wrong.push(format!("`{other}` has half a width: {chinese}"));
            }
        }
        if english.starts_with(' ') != chinese.starts_with([' ', '（', '，'])
            && !["would ", " or ", " and "].contains(english)
            && english.starts_with(' ')
        {
            wrong.push(format!("begins unlike `{english}`: {chinese}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
