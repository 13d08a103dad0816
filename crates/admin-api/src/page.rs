//! Listings in pages.

use std::fmt;

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
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page; an empty page or a repeated cursor ends the listing, as a short last page may carry the
    /// very cursor that was sent.
    pub(crate) fn new(items: Vec<T>, cursor: Option<String>, sent: Option<&Cursor>) -> Self {
        let next = cursor
            .map(Cursor)
            .filter(|next| !items.is_empty() && Some(next) != sent);
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_ends_on_every_documented_sign() {
        let sent = Cursor::new("a");
        let more = Page::new(vec![1], Some("b".into()), Some(&sent));
        assert_eq!(more.next, Some(Cursor::new("b")));
        assert_eq!(Page::new(vec![1], None, Some(&sent)).next, None);
        assert_eq!(Page::new(vec![1], Some("a".into()), Some(&sent)).next, None);
        assert_eq!(Page::<u8>::new(vec![], Some("b".into()), Some(&sent)).next, None);
    }
}
