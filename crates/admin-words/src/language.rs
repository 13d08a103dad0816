//! The languages, and how a system names them.

/// A language of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Chinese in simplified characters, as in mainland China.
    Chinese,
}

impl Language {
    /// Returns its tag, as in HTML.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// Returns the language of a tag such as `zh-CN`, or of a locale such as `zh_CN.UTF-8`, if there is a catalogue for it.
    ///
    /// Chinese in traditional characters has none, and what is not UTF-8 cannot show the other.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (name, encoding) = name.split_once('.').unwrap_or((name, "UTF-8"));
        let encoding = encoding.split('@').next().unwrap_or_default();
        let name = name.to_ascii_lowercase().replace('_', "-");
        let name = name.split('@').next().unwrap_or_default();
        let parts: Vec<&str> = name.split('-').collect();
        match parts.as_slice() {
            ["en", ..] | ["c" | "posix"] => Some(Self::English),
            ["zh", rest @ ..] => {
                let traditional = rest.contains(&"hant")
                    || !rest.contains(&"hans") && rest.iter().any(|part| ["tw", "hk", "mo"].contains(part));
                let readable = ["utf-8", "utf8"].contains(&encoding.to_ascii_lowercase().as_str());
                (readable && !traditional).then_some(Self::Chinese)
            }
            _ => None,
        }
    }

    /// Returns the language of the first setting that is there; English if there is none, or no catalogue for it.
    #[must_use]
    pub fn of_settings<'a>(settings: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let first = settings.into_iter().flatten().find(|setting| !setting.is_empty());
        first.and_then(Self::named).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_and_tags_name_a_language() {
        let chinese = [
            "zh",
            "zh_CN",
            "zh-CN",
            "ZH-cn",
            "zh_CN.UTF-8",
            "zh_CN.utf8",
            "zh-Hans",
            "zh_Hans_CN.UTF-8",
            "zh-Hans-HK",
            "zh_SG",
            "zh_CN.UTF-8@pinyin",
            "zh_CN@pinyin",
        ];
        for name in chinese {
            assert_eq!(Language::named(name), Some(Language::Chinese), "{name}");
        }
        for name in ["en", "en_US.UTF-8", "C", "C.UTF-8", "POSIX"] {
            assert_eq!(Language::named(name), Some(Language::English), "{name}");
        }
        for name in [
            "zh_TW.UTF-8",
            "zh-Hant",
            "zh_HK",
            "zh_CN.GB18030",
            "zh_CN.gbk",
            "de_DE.UTF-8",
            "",
            "zhx",
            ".",
        ] {
            assert_eq!(Language::named(name), None, "{name}");
        }
    }

    #[test]
    fn the_first_setting_decides() {
        let of = |settings: &[Option<&str>]| Language::of_settings(settings.iter().copied());
        assert_eq!(
            of(&[None, Some(""), Some("zh_CN.UTF-8"), Some("en")]),
            Language::Chinese
        );
        assert_eq!(of(&[Some("C"), Some("zh_CN.UTF-8")]), Language::English);
        assert_eq!(of(&[Some("fr"), Some("zh_CN.UTF-8")]), Language::English);
        assert_eq!(of(&[None]), Language::English);
    }
}
