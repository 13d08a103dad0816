//! Listings in pages.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

/// Where the next page begins; opaque, passed back untouched.
///
/// ```
/// use easemob_admin_api::Cursor;
///
/// assert_eq!(Cursor::new("LTgzNDA1").as_str(), "LTgzNDA1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// Takes a cursor that was kept from an earlier page.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text to keep.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One page of a listing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, UserQuery};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// for name in ["ann", "bob", "eve"] {
///     sandbox.register(name);
/// }
/// let query = UserQuery::new().page_size(2);
/// let first = client.list_users_page(&query, None).await?;
/// let second = client.list_users_page(&query, first.next.as_ref()).await?;
/// assert_eq!((first.items.len(), second.items.len(), second.next), (2, 1, None));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items, in the server's order.
    pub items: Vec<T>,
    /// The entries that are no such items; a page with any is not the whole page.
    pub odd: Vec<OddEntry>,
    /// Where the next page begins; `None` after the last. An empty page may have one.
    pub next: Option<Cursor>,
}

/// An entry of a list that cannot be read. The others can.
///
/// ```
/// use easemob_admin_api::endpoints::users::ListUsers;
/// use easemob_admin_api::envelope::Envelope;
/// use easemob_admin_api::UserQuery;
///
/// let list = ListUsers { query: UserQuery::new(), cursor: None };
/// let page = Envelope::decode(&list, br#"{"entities":[{"username":"ann"},{"username":7}]}"#)?;
/// assert_eq!((page.items.len(), page.odd[0].index), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OddEntry {
    /// Where in the answer it is, counted from 0.
    pub index: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl OddEntry {
    pub(crate) fn new(index: usize, error: &serde_json::Error) -> Self {
        let said = error.to_string();
        let problem = said.split(" at line ").next().unwrap_or_default();
        Self {
            index,
            problem: problem.to_owned(),
        }
    }
}

impl fmt::Display for OddEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.index + 1, self.problem.escape_debug())
    }
}

impl std::error::Error for OddEntry {}

impl<T> Page<T> {
    /// Makes a page of a listing in which `asked` items were asked for, from the cursor that was `sent` on.
    ///
    /// A short last page may carry the very cursor that was sent (user page); a full one that does so would begin again
    /// for ever.
    ///
    /// # Errors
    /// When the cursor of a full page is the one that was sent.
    pub(crate) fn new(
        (items, odd): (Vec<T>, Vec<OddEntry>),
        cursor: Option<String>,
        sent: Option<&Cursor>,
        asked: usize,
    ) -> Result<Self, &'static str> {
        let next = cursor.map(Cursor);
        let repeated = next.is_some() && next.as_ref() == sent;
        if repeated && items.len() + odd.len() >= asked {
            return Err("a full page repeats the cursor that was sent");
        }
        Ok(Self {
            items,
            odd,
            next: next.filter(|_| !repeated),
        })
    }
}

/// How many empty pages in a row a listing may have.
const MOST_EMPTY_PAGES: u32 = 100;

/// Notices a listing that would never end.
///
/// Whoever follows pages by hand asks it after each; [`Client::list_users`](crate::Client::list_users) does so itself.
/// It keeps 8 bytes for each page.
///
/// ```
/// use easemob_admin_api::{Cursor, CursorTrail};
///
/// let (a, b) = (Cursor::new("a"), Cursor::new("b"));
/// let mut trail = CursorTrail::from(None);
/// trail.follow(false, Some(&a))?;
/// trail.follow(false, Some(&b))?;
/// assert!(trail.follow(false, Some(&a)).is_err());
/// # Ok::<(), easemob_admin_api::EndlessListing>(())
/// ```
#[derive(Clone, Debug)]
pub struct CursorTrail {
    hasher: RandomState,
    seen: HashSet<u64>,
    empty: u32,
}

/// A listing that the server would go on with for ever: what was listed is not the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndlessListing {
    /// A page leads back to a page before it.
    #[error("the listing goes round in circles: the server gave a cursor that it gave before")]
    Circle,
    /// One page after the other is empty.
    #[error("the listing does not end: the server gave 100 empty pages in a row")]
    OnlyEmptyPages,
}

impl CursorTrail {
    /// Begins a listing at a cursor, or at the first page.
    #[must_use]
    pub fn from(start: Option<&Cursor>) -> Self {
        let mut trail = Self {
            hasher: RandomState::new(),
            seen: HashSet::new(),
            empty: 0,
        };
        if let Some(start) = start {
            trail.note(start);
        }
        trail
    }

    /// Takes note of a page and of the cursor it leads to.
    ///
    /// # Errors
    /// When following that cursor would never end.
    pub fn follow(&mut self, page_is_empty: bool, next: Option<&Cursor>) -> Result<(), EndlessListing> {
        let Some(next) = next else { return Ok(()) };
        if !self.note(next) {
            return Err(EndlessListing::Circle);
        }
        self.empty = if page_is_empty { self.empty + 1 } else { 0 };
        if self.empty >= MOST_EMPTY_PAGES {
            return Err(EndlessListing::OnlyEmptyPages);
        }
        Ok(())
    }

    fn note(&mut self, cursor: &Cursor) -> bool {
        self.seen.insert(self.hasher.hash_one(cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_and_an_odd_entry_are_written_as_they_are() {
        let cursor = Cursor::new("a=b");
        assert_eq!((cursor.as_str(), cursor.to_string().as_str()), ("a=b", "a=b"));
        let odd = OddEntry {
            index: 1,
            problem: "no name\n".into(),
        };
        assert_eq!(odd.to_string(), r"entry 2: no name\n");
    }

    #[test]
    fn a_page_ends_or_goes_on_by_its_cursor_and_length() {
        // items, asked, cursor sent, cursor received, and what follows: an error, the end, or the next page
        for (items, asked, sent, received, next) in [
            (2, 2, None, Some("a"), Ok(Some("a"))),
            (2, 2, Some("a"), Some("b"), Ok(Some("b"))),
            (1, 2, Some("a"), Some("b"), Ok(Some("b"))),
            (0, 2, Some("a"), Some("b"), Ok(Some("b"))),
            (0, 2, None, Some("a"), Ok(Some("a"))),
            (2, 2, Some("a"), None, Ok(None)),
            (0, 2, Some("a"), None, Ok(None)),
            (1, 2, Some("a"), Some("a"), Ok(None)),
            (0, 2, Some("a"), Some("a"), Ok(None)),
            (2, 2, Some("a"), Some("a"), Err(())),
            (3, 2, Some("a"), Some("a"), Err(())),
        ] {
            let sent = sent.map(Cursor::new);
            let page = Page::new(
                (vec![0; items], vec![]),
                received.map(str::to_owned),
                sent.as_ref(),
                asked,
            );
            let next_read = page.map(|page| page.next.map(|next| next.0)).map_err(drop);
            assert_eq!(
                next_read,
                next.map(|next| next.map(str::to_owned)),
                "{items} of {asked}, {sent:?} then {received:?}"
            );
        }
    }

    #[test]
    fn odd_entries_fill_a_page_too() {
        let odd = OddEntry {
            index: 1,
            problem: "no".into(),
        };
        let sent = Cursor::new("a");
        assert!(Page::new((vec![1], vec![odd]), Some("a".into()), Some(&sent), 2).is_err());
    }

    /// Follows pages, each empty or not and with the cursor it leads to; returns how many were followed.
    fn followed(start: Option<&str>, pages: &[(bool, &str)]) -> Result<usize, (usize, EndlessListing)> {
        let mut trail = CursorTrail::from(start.map(Cursor::new).as_ref());
        for (number, (empty, next)) in pages.iter().enumerate() {
            trail
                .follow(*empty, Some(&Cursor::new(*next)))
                .map_err(|endless| (number, endless))?;
        }
        Ok(pages.len())
    }

    #[test]
    fn a_listing_that_comes_back_to_a_page_is_an_error() {
        use EndlessListing::Circle;
        for (start, pages, ends) in [
            (None, vec![(false, "a"), (false, "b"), (false, "c")], Ok(3)),
            (
                None,
                vec![(false, "a"), (false, "b"), (false, "a")],
                Err((2, Circle)),
            ),
            (None, vec![(false, "a"), (true, "a")], Err((1, Circle))),
            (Some("a"), vec![(false, "b"), (false, "a")], Err((1, Circle))),
            (
                None,
                vec![
                    (false, "a"),
                    (false, "b"),
                    (false, "c"),
                    (false, "d"),
                    (false, "b"),
                ],
                Err((4, Circle)),
            ),
            (None, vec![(false, ""), (false, " ")], Ok(2)),
        ] {
            assert_eq!(followed(start, &pages), ends, "{start:?} {pages:?}");
        }
    }

    #[test]
    fn empty_pages_go_on_within_a_bound() {
        let names: Vec<String> = (0..250).map(|number| number.to_string()).collect();
        let empty: Vec<(bool, &str)> = names.iter().map(|name| (true, name.as_str())).collect();
        assert_eq!(followed(None, &empty[..99]), Ok(99));
        assert_eq!(followed(None, &empty), Err((99, EndlessListing::OnlyEmptyPages)));
        let broken: Vec<(bool, &str)> = names
            .iter()
            .enumerate()
            .map(|(number, name)| (number % 50 != 0, name.as_str()))
            .collect();
        assert_eq!(followed(None, &broken), Ok(250));
    }
}
