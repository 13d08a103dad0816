//! Users as the server lists them: those with a valid name, and entries without one.
//!
//! An entry without a valid name may be any user, so a list with such an entry is incomplete.

use std::fmt;

use easemob_admin_api::{Page, User};

/// The longest valid name, in bytes.
const LONGEST: usize = 255;

/// An entry of a page that is not a valid user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Odd {
    /// Its position in the page, counted from 0.
    pub index: usize,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}: {}", self.index + 1, self.problem)
    }
}

/// Divides a page into users with valid names and other entries, with their positions.
#[must_use]
pub fn divided(page: Page<User>) -> (Vec<User>, Vec<Odd>) {
    let mut unread = page.odd.into_iter().peekable();
    let (mut users, mut odd) = (Vec::with_capacity(page.items.len()), Vec::new());
    let mut index = 0;
    let mut before = |index: &mut usize, odd: &mut Vec<Odd>| {
        while let Some(entry) = unread.next_if(|entry| entry.index == *index) {
            let problem = entry.problem.escape_debug().to_string();
            odd.push(Odd {
                index: *index,
                problem,
            });
            *index += 1;
        }
    };
    for user in page.items {
        before(&mut index, &mut odd);
        match unnameable(user.username.as_str()) {
            None => users.push(user),
            Some(problem) => odd.push(Odd { index, problem }),
        }
        index += 1;
    }
    before(&mut index, &mut odd);
    (users, odd)
}

/// Returns why a name cannot be used in lists and records.
fn unnameable(name: &str) -> Option<String> {
    let problem = if name.is_empty() {
        "is empty"
    } else if name.len() > LONGEST {
        "is longer than 255 bytes"
    } else if name.chars().any(char::is_control) {
        "contains control characters"
    } else {
        return None;
    };
    let shown: String = name.chars().take(40).collect();
    Some(format!("the name `{}` {problem}", shown.escape_debug()))
}

#[cfg(test)]
mod tests {
    use easemob_admin_api::UserQuery;
    use easemob_admin_api::endpoints::users::ListUsers;
    use easemob_admin_api::envelope::Envelope;

    use super::*;

    #[test]
    fn odd_entries_are_told_by_their_place_and_hide_nobody() {
        let long = format!(r#"{{"username":"{}"}}"#, "x".repeat(300));
        let (null, ann, bob) = ("null", r#"{"username":"ann"}"#, r#"{"username":"bob"}"#);
        let control = r#"{"username":"a\u0007b"}"#;
        for (entries, users, odd) in [
            (vec![], vec![], vec![]),
            (vec![ann, bob], vec!["ann", "bob"], vec![]),
            (vec![null], vec![], vec![0]),
            (
                vec![null, ann, null, null, bob, null],
                vec!["ann", "bob"],
                vec![0, 2, 3, 5],
            ),
            (
                vec![ann, control, bob, r#"{"username":7}"#],
                vec!["ann", "bob"],
                vec![1, 3],
            ),
            (vec![r#"{"username":""}"#, ann, &long], vec!["ann"], vec![0, 2]),
            (
                vec![r#"{"username":" ann"}"#, r#"{"username":"批量"}"#],
                vec![" ann", "批量"],
                vec![],
            ),
            (
                vec!["{}", r#"{"username":null}"#, "[]", "7", ann],
                vec!["ann"],
                vec![0, 1, 2, 3],
            ),
        ] {
            let body = format!(r#"{{"entities":[{}]}}"#, entries.join(","));
            let list = ListUsers {
                query: UserQuery::new(),
                cursor: None,
            };
            let (read, found) = divided(Envelope::decode(&list, body.as_bytes()).unwrap());
            let read: Vec<&str> = read.iter().map(|user| user.username.as_str()).collect();
            let places: Vec<usize> = found.iter().map(|odd| odd.index).collect();
            assert_eq!((read, places), (users, odd), "{body}");
            assert!(
                found
                    .iter()
                    .all(|odd| !odd.to_string().contains(char::is_control))
            );
        }
    }
}
