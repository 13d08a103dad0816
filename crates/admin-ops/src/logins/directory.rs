//! A page of the users who are known, and how many there are.

use crate::logins::store::{KnownUser, LoginStore, Shape, StoreError, UserOrder, UserPlace, WhichUsers};

/// The most users who are counted one by one.
pub const COUNTED: usize = 10_000;

/// What is asked of the users who are known.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Which users; the list of shapes is filled in.
    pub which: WhichUsers,
    /// The order.
    pub order: UserOrder,
    /// The place that the page begins after.
    pub after: Option<UserPlace>,
    /// The most users of the page.
    pub most: usize,
}

/// A page of users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The users.
    pub users: Vec<KnownUser>,
    /// The place after the last one, if there are more.
    pub next: Option<UserPlace>,
    /// How many users there are on all pages.
    pub total: Total,
}

/// How many users there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// The number.
    pub users: u64,
    /// Whether there may be more: names and times are counted up to [`COUNTED`].
    pub at_least: bool,
}

/// Returns a page of the users whose devices `wanted` accepts.
///
/// # Errors
/// When the store cannot be read.
pub fn page(
    store: &dyn LoginStore,
    question: Question,
    wanted: Option<&dyn Fn(&Shape) -> bool>,
) -> Result<Page, StoreError> {
    let Question {
        mut which,
        order,
        after,
        most,
    } = question;
    let mut shapes = store.shapes()?;
    if let Some(wanted) = wanted {
        shapes.retain(wanted);
        which.shapes = Some(shapes.clone());
    }
    let total = if which.is_by_shape() {
        Total {
            users: shapes.iter().map(|shape| shape.users).sum(),
            at_least: false,
        }
    } else {
        let counted = store.count_users(&which, COUNTED + 1)?;
        Total {
            users: counted.min(COUNTED) as u64,
            at_least: counted > COUNTED,
        }
    };
    let mut users = store.users(&which, order, after.as_ref(), most + 1)?;
    let has_more = users.len() > most;
    users.truncate(most);
    let next = users.last().filter(|_| has_more).map(KnownUser::place);
    Ok(Page { users, next, total })
}
