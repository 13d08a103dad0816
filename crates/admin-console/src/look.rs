//! Language, theme and time zone: the browser keeps them in cookies, and tells what it prefers.

use axum::http::{HeaderMap, header};
use easemob_admin_words::Language;
use jiff::tz::TimeZone;

/// How pages look to whoever asks for one.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    pub(crate) zone: TimeZone,
    /// Whether single keys do something.
    pub(crate) keys: bool,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system of the reader.
    System,
    Light,
    Dark,
}

impl Theme {
    /// Returns the value of `data-theme`.
    pub(crate) fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}

impl Look {
    /// Reads what a request says.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let language = match cookie(headers, "language") {
            Some("zh-CN") => Language::Chinese,
            Some("en") => Language::English,
            _ => preferred(headers),
        };
        let theme = match cookie(headers, "theme") {
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            _ => Theme::System,
        };
        // The names of zones have a slash, which cookies may have, and no other sign that they may not.
        let zone = cookie(headers, "zone").and_then(|name| TimeZone::get(name).ok());
        Self {
            language,
            theme,
            zone: zone.unwrap_or(TimeZone::UTC),
            keys: cookie(headers, "keys") != Some("off"),
        }
    }

    /// Returns the value of `lang`.
    pub(crate) fn tag(&self) -> &'static str {
        match self.language {
            Language::English => "en",
            Language::Chinese => "zh-CN",
        }
    }
}

/// Returns the language that the browser prefers.
fn preferred(headers: &HeaderMap) -> Language {
    let accepted = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok());
    let quality = |part: &str| {
        let given = part
            .split(';')
            .skip(1)
            .find_map(|one| one.trim().strip_prefix("q="));
        given
            .map_or(Some(1.0), |text| text.parse::<f32>().ok())
            .unwrap_or(0.0)
    };
    let best = |prefix: &str| {
        let parts = accepted.unwrap_or_default().split(',').map(str::trim);
        let ours = parts.filter(|part| part.to_ascii_lowercase().starts_with(prefix));
        ours.map(quality).fold(0.0, f32::max)
    };
    if best("zh") > best("en") {
        Language::Chinese
    } else {
        Language::English
    }
}

/// Returns a cookie of a request.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let given = headers.get_all(header::COOKIE).into_iter();
    let pairs = given
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    named.find_map(|(name, value)| (name == wanted).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(cookies: &str, accepted: &str) -> Look {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookies.parse().unwrap());
        headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
        Look::of(&headers)
    }

    #[test]
    fn a_cookie_is_stronger_than_what_the_browser_prefers() {
        assert_eq!(look("", "zh-CN,zh;q=0.9,en;q=0.8").language, Language::Chinese);
        assert_eq!(look("", "en-GB,zh;q=0.5").language, Language::English);
        assert_eq!(look("", "fr;q=1, zh;q=bad").language, Language::English);
        assert_eq!(look("language=en", "zh-CN").language, Language::English);
        assert_eq!(look("a=b; language=zh-CN; theme=dark", "en").theme, Theme::Dark);
    }

    #[test]
    fn an_unknown_zone_is_utc() {
        assert_eq!(
            look("zone=Asia/Shanghai", "").zone.iana_name(),
            Some("Asia/Shanghai")
        );
        assert_eq!(look("zone=../../etc/passwd", "").zone, TimeZone::UTC);
        assert_eq!(look("zone=Mars/Olympus", "").zone, TimeZone::UTC);
    }
}
