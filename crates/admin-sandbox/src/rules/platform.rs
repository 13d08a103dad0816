//! Platforms, as far as device limits count them.

/// Returns the platform a resource counts for: what precedes the first `_`, with `webim` and `web` being one.
///
/// The documents say the two spellings of the Web platform apart (`web` in resource ids, `webim` in
/// webhooks and in what the Web SDK sends); they are one entry on the console's page of limits.
pub(crate) fn platform_of(resource: &str) -> String {
    normalize(resource.split('_').next().unwrap_or(resource))
}

/// Returns the one spelling of a platform name.
pub(crate) fn normalize(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    if name == "webim" { "web".to_owned() } else { name }
}

/// Returns the number of a custom platform: `custom7` is 7, anything else has none.
pub(crate) fn custom_number(platform: &str) -> Option<u32> {
    platform.strip_prefix("custom")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_precedes_the_first_underscore() {
        for (resource, platform) in [
            ("android_55ab", "android"),
            ("webim_random_web_12", "web"),
            ("web_19c", "web"),
            ("custom7_web_12", "custom7"),
            ("bare", "bare"),
            ("_odd", ""),
            ("IOS_1", "ios"),
        ] {
            assert_eq!(platform_of(resource), platform, "{resource}");
        }
    }

    #[test]
    fn custom_platforms_are_numbered() {
        assert_eq!(custom_number("custom12"), Some(12));
        assert_eq!(custom_number("custom"), None);
        assert_eq!(custom_number("android"), None);
    }
}
