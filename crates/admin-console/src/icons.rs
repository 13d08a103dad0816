//! The icons: 16 px, drawn with lines, and without a meaning of their own for readers of the screen.

use maud::{Markup, PreEscaped, Render, html};

/// An icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Icon(&'static str);

impl Icon {
    pub(crate) const ANDROID: Self = Self(
        r#"<rect x="4" y="3.500" width="8" height="11" rx="1.500"/><path d="M5.500 1.200 6.400 3.300M10.500 1.200 9.600 3.300M6.800 12.300h2.400"/>"#,
    );
    pub(crate) const APPROVALS: Self =
        Self(r#"<path d="m1.300 8.800 2.900 2.900 6.300-7.400M7.900 11.200l.6.500 6.300-7.400"/>"#);
    pub(crate) const AUDIT: Self = Self(
        r#"<path d="M8 1.900 13 3.700v4c0 3.300-2.200 5.300-5 6.400-2.800-1.100-5-3.100-5-6.400v-4z"/>"#,
    );
    pub(crate) const BAN: Self =
        Self(r#"<circle cx="8" cy="8" r="5.900"/><path d="m3.900 3.900 8.200 8.200"/>"#);
    pub(crate) const BULK: Self =
        Self(r#"<path d="M6 4h7.500M6 8h7.500M6 12h4.500M2.500 4h.8M2.500 8h.8M2.500 12h.8"/>"#);
    pub(crate) const CHECK: Self = Self(r#"<path d="m3 8.500 3.300 3.200L13 4.800"/>"#);
    pub(crate) const CLOCK: Self =
        Self(r#"<circle cx="8" cy="8" r="5.900"/><path d="M8 4.700V8l2.300 1.500"/>"#);
    pub(crate) const COPY: Self = Self(
        r#"<rect x="5.500" y="5.500" width="8" height="8" rx="1.300"/><path d="M3.500 10.500c-.6 0-1-.5-1-1V3.700c0-.7.5-1.200 1.200-1.200h5.800c.5 0 1 .4 1 1"/>"#,
    );
    pub(crate) const CROSS: Self = Self(r#"<path d="m4.200 4.200 7.600 7.600M11.800 4.200l-7.600 7.600"/>"#);
    pub(crate) const DANGER: Self = Self(
        r#"<path d="M5.300 1.800h5.400l3.500 3.500v5.400l-3.500 3.500H5.300l-3.500-3.500V5.300zM8 4.900v3.700M8 10.900v.1"/>"#,
    );
    pub(crate) const DOWN: Self = Self(r#"<path d="m4 6 4 4 4-4"/>"#);
    pub(crate) const DOWNLOAD: Self =
        Self(r#"<path d="M8 2.500v7.300M4.900 7 8 10l3.100-3M2.500 13.500h11"/>"#);
    pub(crate) const EVICTED: Self = Self(
        r#"<path d="M2.500 13.500h6M4 13V4.500C4 3.700 4.700 3 5.500 3H7M9 8h5M11.700 5.500 14.200 8l-2.500 2.500"/>"#,
    );
    pub(crate) const EYE: Self = Self(
        r#"<path d="M1.500 8S3.900 3.700 8 3.700 14.500 8 14.500 8 12.100 12.300 8 12.300 1.500 8 1.500 8z"/><circle cx="8" cy="8" r="1.900"/>"#,
    );
    pub(crate) const HARMONY: Self = Self(
        r#"<rect x="4" y="1.500" width="8" height="13" rx="2"/><circle cx="8" cy="7" r="1.900"/><path d="M6.300 12h3.400"/>"#,
    );
    pub(crate) const INFO: Self =
        Self(r#"<circle cx="8" cy="8" r="5.900"/><path d="M8 7.300v3.600M8 5.100v.1"/>"#);
    pub(crate) const IOS: Self = Self(
        r#"<rect x="4" y="1.500" width="8" height="13" rx="2"/><path d="M6.700 1.700v.9h2.600v-.9M7 12.500h2"/>"#,
    );
    pub(crate) const LIMITS: Self = Self(
        r#"<path d="M2.300 12a6.300 6.300 0 1 1 11.400 0M8 10l2.800-3.600"/><circle cx="8" cy="10" r=".9"/>"#,
    );
    pub(crate) const LOCK: Self = Self(
        r#"<rect x="3" y="7" width="10" height="6.700" rx="1.300"/><path d="M5.200 7V5a2.800 2.800 0 0 1 5.600 0v2"/>"#,
    );
    pub(crate) const LOGINS: Self = Self(r#"<path d="M2.500 13.500h11M4.500 11V8M8 11V3.500M11.500 11V6"/>"#);
    pub(crate) const MOON: Self =
        Self(r#"<path d="M13.300 9.700A5.700 5.700 0 0 1 6.300 2.700a5.700 5.700 0 1 0 7 7z"/>"#);
    pub(crate) const MORE: Self =
        Self(r#"<path d="M3.500 8h.01M8 8h.01M12.500 8h.01" stroke-width="2.200"/>"#);
    pub(crate) const NEXT: Self = Self(r#"<path d="m6 3.500 4.500 4.500L6 12.500"/>"#);
    pub(crate) const OVERVIEW: Self =
        Self(r#"<path d="M2.5 2.5h4.5v4.5H2.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5H2.5zM9 9h4.5v4.5H9z"/>"#);
    pub(crate) const PAUSE: Self = Self(r#"<path d="M5.500 3.500v9M10.500 3.500v9"/>"#);
    pub(crate) const QUESTION: Self = Self(
        r#"<circle cx="8" cy="8" r="5.900"/><path d="M6.200 6.300C6.300 5.200 7 4.600 8 4.600s1.800.600 1.800 1.600c0 1.300-1.800 1.400-1.800 2.700M8 11.200v.1"/>"#,
    );
    pub(crate) const RELOAD: Self =
        Self(r#"<path d="M13.300 8a5.300 5.300 0 1 1-1.600-3.800M13.500 1.800v3h-3"/>"#);
    pub(crate) const RUNS: Self =
        Self(r#"<circle cx="8" cy="8" r="5.7"/><path d="M6.700 5.700v4.600L10.400 8z"/>"#);
    pub(crate) const SEARCH: Self =
        Self(r#"<circle cx="7" cy="7" r="4.300"/><path d="m10.300 10.300 3.400 3.400"/>"#);
    pub(crate) const SETTINGS: Self = Self(
        r#"<circle cx="8" cy="8" r="2.100"/><path d="M8 1.800v2M8 12.200v2M1.800 8h2M12.200 8h2M3.600 3.600 5 5M11 11l1.400 1.400M12.400 3.600 11 5M5 11l-1.400 1.400"/>"#,
    );
    pub(crate) const SIGN_IN: Self = Self(
        r#"<path d="M9.500 2.500h2.700c.7 0 1.300.6 1.300 1.300v8.400c0 .7-.6 1.300-1.300 1.300H9.500M2.500 8h6.800M6.600 5.200 9.400 8l-2.800 2.800"/>"#,
    );
    pub(crate) const SIGN_OUT: Self = Self(
        r#"<path d="M6.500 2.500H3.800c-.7 0-1.300.6-1.300 1.300v8.400c0 .7.6 1.300 1.300 1.300h2.700M7 8h6.500M10.800 5.200 13.600 8l-2.800 2.800"/>"#,
    );
    pub(crate) const SPINNER: Self = Self(r#"<path d="M13.800 8A5.800 5.800 0 1 1 8 2.200"/>"#);
    pub(crate) const STOP: Self = Self(r#"<rect x="4" y="4" width="8" height="8" rx="1"/>"#);
    pub(crate) const SUN: Self = Self(
        r#"<circle cx="8" cy="8" r="3"/><path d="M8 1.500v1.600M8 12.900v1.600M1.500 8h1.600M12.900 8h1.600M3.400 3.400l1.100 1.100M11.500 11.500l1.100 1.100M12.600 3.400l-1.100 1.100M4.500 11.500l-1.100 1.100"/>"#,
    );
    pub(crate) const UNPLUGGED: Self =
        Self(r#"<path d="M5.500 2v3M10.500 2v3M3.500 5h9v2.500a4.500 4.500 0 0 1-9 0zM8 12v2.300"/>"#);
    pub(crate) const UP: Self = Self(r#"<path d="m4 10 4-4 4 4"/>"#);
    pub(crate) const UPLOAD: Self =
        Self(r#"<path d="M8 10V2.700M4.900 5.500 8 2.500l3.100 3M2.500 13.500h11"/>"#);
    pub(crate) const USERS: Self = Self(
        r#"<circle cx="6" cy="5.2" r="2.4"/><path d="M1.8 13c.3-2.6 2-4 4.2-4s3.900 1.400 4.200 4M10.600 3.100a2.200 2.200 0 0 1 0 4.200M12 9.400c1.300.500 2.100 1.800 2.300 3.600"/>"#,
    );
    pub(crate) const VERIFIED: Self = Self(
        r#"<path d="M8 1.900 13 3.700v4c0 3.300-2.200 5.300-5 6.400-2.800-1.100-5-3.100-5-6.400v-4zM5.700 7.900l1.700 1.700 3-3.300"/>"#,
    );
    pub(crate) const WARNING: Self =
        Self(r#"<path d="M8 2.200 14.400 13.300H1.600zM8 6.400v3.200M8 11.400v.1"/>"#);
    pub(crate) const WEB: Self = Self(
        r#"<circle cx="8" cy="8" r="5.900"/><path d="M2.300 8h11.400M8 2.100c3.300 3.400 3.300 8.400 0 11.800M8 2.100c-3.300 3.400-3.300 8.400 0 11.800"/>"#,
    );
    pub(crate) const WINDOWS: Self = Self(
        r#"<rect x="1.800" y="2.800" width="12.400" height="8.400" rx="1.200"/><path d="M5.500 13.700h5M8 11.200v2.500"/>"#,
    );

    /// Returns it at its small size.
    pub(crate) fn small(self) -> Markup {
        self.drawn("i i--sm")
    }

    /// Returns it turning, for work that goes on.
    pub(crate) fn turning(self) -> Markup {
        self.drawn("i spin")
    }

    /// Returns the icon of a platform.
    pub(crate) fn of_platform(platform: &str) -> Self {
        match platform.to_ascii_lowercase().as_str() {
            "android" => Self::ANDROID,
            "ios" => Self::IOS,
            "harmony" | "harmonyos" => Self::HARMONY,
            "web" | "webim" => Self::WEB,
            "unknown" | "" => Self::QUESTION,
            _ => Self::WINDOWS,
        }
    }

    fn drawn(self, class: &str) -> Markup {
        html! { svg class=(class) viewBox="0 0 16 16" aria-hidden="true" { (PreEscaped(self.0)) } }
    }
}

impl Render for Icon {
    fn render(&self) -> Markup {
        self.drawn("i")
    }
}
