//! Names as posts write them: `{app key}_{user}@easemob.com/{resource}` or parts of it.

/// What follows the name of a user.
const DOMAIN: &str = "@easemob.com";

/// Takes the app key off the start of a name. Names of apps and users may contain `_`, so that only a known key is
/// reliable; servers write keys in lower case, however they were made.
pub(super) fn without_app_key<'a>(name: &'a str, app_key: &str) -> Option<&'a str> {
    let (start, rest) = name.split_at_checked(app_key.len())?;
    start
        .eq_ignore_ascii_case(app_key)
        .then(|| rest.strip_prefix('_'))?
}

/// Returns the user of a name, which may be bare, or follow the app key, or precede an address.
pub(super) fn bare_user<'a>(name: &'a str, app_key: Option<&str>) -> &'a str {
    let Some(own) = app_key.and_then(|key| without_app_key(name, key)) else {
        return name;
    };
    let user = own.rsplit_once(DOMAIN).filter(|(_, behind)| {
        // A user may be called so.
        behind.is_empty() || behind.starts_with('/')
    });
    user.map_or(own, |(user, _)| user)
}

/// Splits the name of a session into user and resource. Users may be called like the domain, so that only the last
/// one is reliable.
pub(super) fn user_and_resource<'a>(session: &'a str, app_key: &str) -> Option<(&'a str, &'a str)> {
    let own = without_app_key(session, app_key)?;
    let (user, behind) = own.rsplit_once(DOMAIN)?;
    let resource = behind.strip_prefix('/')?;
    (!user.is_empty() && !resource.is_empty()).then_some((user, resource))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_bare_however_they_are_written() {
        for (name, bare) in [
            ("ann", "ann"),
            ("o#a_ann", "ann"),
            ("O#A_ann", "ann"),
            ("o#a_ann@easemob.com", "ann"),
            ("o#a_a_b@easemob.com/ios_1", "a_b"),
            ("o#a_a@easemob.com.b", "a@easemob.com.b"),
            ("x#y_ann@easemob.com", "x#y_ann@easemob.com"),
            ("a@easemob.com", "a@easemob.com"),
        ] {
            assert_eq!(bare_user(name, Some("o#a")), bare, "{name}");
        }
        assert_eq!(bare_user("o#a_ann", None), "o#a_ann");
    }

    proptest::proptest! {
        #[test]
        fn any_names_come_out_as_they_went_in(
            app in "[a-z_.#-]{1,8}",
            user in "[a-z_.@/-]{1,12}",
            resource in "(ios|webim|custom7)_[a-z0-9_-]{1,8}",
        ) {
            let session = format!("{app}_{user}@easemob.com/{resource}");
            proptest::prop_assert_eq!(user_and_resource(&session, &app), Some((user.as_str(), resource.as_str())));
        }
    }
}
