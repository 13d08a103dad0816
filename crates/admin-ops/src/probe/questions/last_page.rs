//! The cursor of the last page of a listing.

use crate::probe::calls::{Answer, Call, ProbeCalls};
use crate::probe::capabilities::LastPage;
use crate::probe::devices::Devices;
use crate::probe::{Probe, Unanswered};

/// About how many pages are read.
const PAGES: u64 = 20;

/// The most that are read: users may register meanwhile.
const MOST_PAGES: u64 = 40;

/// The most users of a page.
const LARGEST_PAGE: u64 = 100;

impl<C: ProbeCalls, D: Devices> Probe<'_, C, D> {
    pub(in crate::probe) async fn last_page(&mut self) -> Result<String, Unanswered> {
        let limit = self.app_users.and_then(page_size);
        let limit = limit.ok_or_else(|| Unanswered::because("the app has too many users, or too few"))?;
        let mut cursor = None;
        for page in 1..=MOST_PAGES {
            let call = Call::Users {
                limit,
                cursor: cursor.clone(),
            };
            let answer = self.send(&call).await?;
            match judge(&answer, cursor.as_deref())? {
                Page::Last(kind) => {
                    self.answers.last_page = Some(kind);
                    return Ok(format!("page {page} of users, {limit} per page"));
                }
                Page::Next(next) => cursor = Some(next),
            }
        }
        Err(Unanswered::because(format!(
            "the list did not end within {MOST_PAGES} pages"
        )))
    }
}

/// Returns a page size that makes more than one page, few of them, and a last page that is not full.
fn page_size(users: u64) -> Option<u64> {
    let smallest = users.div_ceil(PAGES).max(2);
    (smallest..users)
        .take_while(|size| *size <= LARGEST_PAGE)
        .find(|size| !users.is_multiple_of(*size))
}

#[derive(Debug, PartialEq, Eq)]
enum Page {
    Next(String),
    Last(LastPage),
}

/// Judges a page of users that was asked for with a cursor.
fn judge(answer: &Answer, sent: Option<&str>) -> Result<Page, Unanswered> {
    let entities = answer.body["entities"].as_array();
    let Some(entities) = entities.filter(|_| answer.is_success()) else {
        return Err(Unanswered::by("the call for a page of users", answer));
    };
    let cursor = answer.body["cursor"].as_str().filter(|cursor| !cursor.is_empty());
    Ok(match (cursor, sent) {
        (Some(cursor), Some(sent)) if cursor == sent => Page::Last(LastPage::Repeated),
        (_, Some(_)) if entities.is_empty() => Page::Last(LastPage::EmptyPage),
        (None, _) => Page::Last(LastPage::NoCursor),
        (Some(cursor), _) => Page::Next(cursor.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::probe::tests::{no, ok};

    #[test]
    fn the_last_page_is_told_by_its_cursor() {
        let page = |users: usize, cursor: Value| {
            let entities = vec![json!({"username": "ann"}); users];
            ok(json!({"entities": entities, "cursor": cursor}))
        };
        let next = |cursor: &str| Ok(Page::Next(cursor.into()));
        for (answer, sent, expected) in [
            (page(2, json!("b")), None, next("b")),
            (page(2, json!("c")), Some("b"), next("c")),
            (
                page(1, Value::Null),
                Some("b"),
                Ok(Page::Last(LastPage::NoCursor)),
            ),
            (page(1, json!("")), Some("b"), Ok(Page::Last(LastPage::NoCursor))),
            (page(1, json!("b")), Some("b"), Ok(Page::Last(LastPage::Repeated))),
            (page(0, json!("b")), Some("b"), Ok(Page::Last(LastPage::Repeated))),
            (
                page(0, Value::Null),
                Some("b"),
                Ok(Page::Last(LastPage::EmptyPage)),
            ),
            (
                page(0, json!("c")),
                Some("b"),
                Ok(Page::Last(LastPage::EmptyPage)),
            ),
            (page(2, Value::Null), None, Ok(Page::Last(LastPage::NoCursor))),
            (ok(json!({})), None, Err(())),
            (no(400, "illegal_argument"), Some("b"), Err(())),
        ] {
            assert_eq!(judge(&answer, sent).map_err(drop), expected, "{answer:?}");
        }
    }

    #[test]
    fn there_are_a_few_pages_and_the_last_is_not_full() {
        assert_eq!(page_size(3), Some(2));
        for users in [0, 1, 2] {
            assert_eq!(page_size(users), None);
        }
        for users in 3..=1_900 {
            let size = page_size(users).unwrap();
            assert!(!users.is_multiple_of(size) && size < users && size <= LARGEST_PAGE);
            assert!(users.div_ceil(size) <= PAGES, "{users} users, {size} per page");
        }
        assert_eq!(page_size(1_000_000), None);
    }
}
