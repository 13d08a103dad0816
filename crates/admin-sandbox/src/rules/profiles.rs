//! What users show of themselves: name, picture, and the rest of a name card (page "user attributes").

use std::collections::BTreeMap;

use super::App;

/// A profile takes no more bytes than this (page "user attributes").
const LARGEST: usize = 2 * 1024;

/// The profiles of all users, by name.
pub(crate) type Profiles = BTreeMap<String, BTreeMap<String, String>>;

/// A profile became too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl App {
    /// Sets attributes of a user, and returns all.
    ///
    /// # Errors
    /// When they would take too many bytes.
    pub(crate) fn set_profile(
        &mut self,
        user: &str,
        attributes: BTreeMap<String, String>,
    ) -> Result<&BTreeMap<String, String>, TooLarge> {
        let mut changed = self.profiles.get(user).cloned().unwrap_or_default();
        changed.extend(attributes);
        let bytes: usize = changed.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > LARGEST {
            return Err(TooLarge);
        }
        let profile = self.profiles.entry(user.to_owned()).or_default();
        *profile = changed;
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_set_one_by_one_up_to_a_size() {
        let mut app = App::new("o#a", None);
        let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        app.set_profile("ann", one("nickname", "Ann")).unwrap();
        app.set_profile("ann", one("sign", "hi")).unwrap();
        assert_eq!(app.profiles["ann"].len(), 2);
        assert_eq!(
            app.set_profile("ann", one("ext", &"x".repeat(LARGEST))),
            Err(TooLarge)
        );
        assert_eq!(app.profiles["ann"].len(), 2);
    }
}
