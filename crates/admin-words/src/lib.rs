//! The messages of `easemob-admin` in English and Chinese: one catalogue for every program that talks to people.
//!
//! A message is written in the code, in English, as `format!` takes it. [`t!`] returns it in the language that is
//! [`spoken`]:
//!
//! ```
//! use easemob_admin_words::{Language, t, within};
//!
//! let label = || t!("error");
//! assert_eq!(label(), "error");
//! assert_eq!(within(Language::Chinese, label), "错误");
//! ```
//!
//! Translations are in `zh-CN.po` of the package `easemob-admin-words-macro`, whose head has the glossary. They are read
//! while the program is compiled, so a translation with other placeholders than its sentence does not compile, and English
//! costs what `format!` costs. Texts that are known only at run time, such as help, are looked up by [`translated`].

mod language;

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};

pub use easemob_admin_words_macro::t;

pub use self::language::Language;

/// All sentences and their translations, in the order of the sentences.
pub static CATALOGUE: &[(&str, &str)] = easemob_admin_words_macro::catalogue!();

/// The language of the process.
static SPOKEN: AtomicU8 = AtomicU8::new(Language::English as u8);

thread_local! {
    /// The language of [`within`].
    static HERE: Cell<Option<Language>> = const { Cell::new(None) };
}

/// Sets the language of the process; English by default.
pub fn speak(language: Language) {
    SPOKEN.store(language as u8, Ordering::Relaxed);
}

/// Returns the language that messages have here and now.
#[must_use]
pub fn spoken() -> Language {
    HERE.get().unwrap_or_else(|| {
        if SPOKEN.load(Ordering::Relaxed) == Language::Chinese as u8 {
            Language::Chinese
        } else {
            Language::English
        }
    })
}

/// Runs `work`, whose messages on this thread have a language of their own: that of whoever reads one page of a service, or
/// English for rows that a program reads.
pub fn within<R>(language: Language, work: impl FnOnce() -> R) -> R {
    struct Back(Option<Language>);
    impl Drop for Back {
        fn drop(&mut self) {
            HERE.set(self.0);
        }
    }
    let _back = Back(HERE.replace(Some(language)));
    work()
}

/// Returns one of two texts; what [`t!`] expands to.
#[doc(hidden)]
#[must_use]
pub fn chosen(english: &'static str, chinese: &'static str) -> &'static str {
    match spoken() {
        Language::English => english,
        Language::Chinese => chinese,
    }
}

/// Returns a text in the language that is spoken, if it is in the catalogue; as it is otherwise.
#[must_use]
pub fn translated(english: &str) -> &str {
    match spoken() {
        Language::English => english,
        Language::Chinese => chinese(english).unwrap_or(english),
    }
}

/// Returns the translation of a text, if it is in the catalogue.
#[must_use]
pub fn chinese(english: &str) -> Option<&'static str> {
    let found = CATALOGUE.binary_search_by(|(key, _)| (*key).cmp(english)).ok()?;
    Some(CATALOGUE[found].1)
}

/// Marks a text that is translated later, where it is shown: it returns the text as it is.
#[macro_export]
macro_rules! told_later {
    ($text:literal) => {
        $text
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_of_its_own_ends_with_the_work() {
        assert_eq!(translated("error"), "error");
        let inside = within(Language::Chinese, || {
            let english = within(Language::English, || translated("error").to_owned());
            (english, translated("error").to_owned())
        });
        assert_eq!(inside, ("error".to_owned(), "错误".to_owned()));
        assert_eq!(spoken(), Language::English);
        assert_eq!(
            within(Language::Chinese, || translated("no such text")),
            "no such text"
        );
    }

    #[test]
    fn the_catalogue_is_in_order() {
        assert!(CATALOGUE.is_sorted());
    }
}
