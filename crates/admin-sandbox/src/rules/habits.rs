use super::sign_in::SandboxDevice;

/// What a server does where the vendor's pages are silent or contradict each other.
///
/// The default is the likeliest reading of the pages, and the stricter one if two are as likely.
///
/// ```
/// use easemob_admin_sandbox::{DeviceOrder, Habits, LogoutAnswer};
///
/// let mut habits = Habits::default();
/// assert_eq!(habits.logout_unknown_device, LogoutAnswer::Result(false));
/// habits.device_order = DeviceOrder::OldestFirst;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Habits {
    /// What statuses of many users say about a name that does not exist.
    pub batch_status: BatchStatus,
    /// The answer to a logout of all devices of a user who has none.
    pub logout_offline: LogoutAnswer,
    /// The answer to a logout of all devices of a user who does not exist.
    pub logout_unknown_user: LogoutAnswer,
    /// The answer to a logout of a device that is not online.
    pub logout_unknown_device: LogoutAnswer,
    /// Whether the logout of one device is accepted as DELETE, which the page documents.
    pub logout_by_delete: bool,
    /// Whether it is accepted as GET, which the vendor's Java library sends.
    pub logout_by_get: bool,
    /// Whether the logout of one device ends it. A server that does not still answers `true`.
    pub single_logout_ends: bool,
    /// The order of device lists.
    pub device_order: DeviceOrder,
    /// The cursor of the last page of users.
    pub last_page: LastPage,
    /// The error type of a 429 for too many calls.
    pub rate_error: String,
    /// The seconds in the `Retry-After` header of such an answer; none by default, since no page mentions the header.
    pub retry_after: Option<u64>,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            batch_status: BatchStatus::Offline,
            logout_offline: LogoutAnswer::Result(true),
            logout_unknown_user: LogoutAnswer::Refused(Refusal::new(404, "service_resource_not_found")),
            logout_unknown_device: LogoutAnswer::Result(false),
            logout_by_delete: true,
            logout_by_get: true,
            single_logout_ends: true,
            device_order: DeviceOrder::ByName,
            last_page: LastPage::NoCursor,
            rate_error: "reach_limit".to_owned(),
            retry_after: None,
        }
    }
}

/// A status and an error type that say no.
///
/// ```
/// use easemob_admin_sandbox::Refusal;
///
/// assert_eq!(Refusal::new(404, "entity_not_found").status, 404);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error type.
    pub error: String,
}

impl Refusal {
    /// Refuses with a status and an error type.
    #[must_use]
    pub fn new(status: u16, error: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
        }
    }
}

/// What statuses of many users say about a name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchStatus {
    /// The name is offline, as the page says.
    Offline,
    /// The answer leaves the name out.
    LeftOut,
    /// The whole call is refused.
    Refused(Refusal),
    /// The server does not have the call.
    Missing,
}

/// The answer to a logout that ends nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogoutAnswer {
    /// 200 with this `result`.
    Result(bool),
    /// A refusal.
    Refused(Refusal),
}

/// The order of device lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceOrder {
    /// By resource id, which says nothing about age.
    ByName,
    /// The device that signed in first comes first.
    OldestFirst,
    /// The device that signed in last comes first.
    NewestFirst,
}

/// The cursor of the last page of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LastPage {
    /// The last page has none.
    NoCursor,
    /// The last page has one, which leads to an empty page.
    EmptyPage,
    /// The last page repeats the cursor that it was asked for with.
    Repeated,
}

/// The cursor that a page of users is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextCursor {
    /// There is none.
    None,
    /// It leads to what follows the user of this number.
    After(u64),
    /// The one that the call was made with.
    AsAsked,
}

impl Habits {
    /// Returns false if the logout of one device is not known by this verb.
    pub(crate) fn knows_logout_by(&self, method: &http::Method) -> bool {
        if *method == http::Method::GET {
            self.logout_by_get
        } else {
            self.logout_by_delete
        }
    }

    /// Brings the devices of a user into the order of the answer; they come in the order of their sign-ins.
    pub(crate) fn order<'a>(&self, mut devices: Vec<&'a SandboxDevice>) -> Vec<&'a SandboxDevice> {
        match self.device_order {
            DeviceOrder::ByName => devices.sort_by(|one, other| one.resource.cmp(&other.resource)),
            DeviceOrder::OldestFirst => {}
            DeviceOrder::NewestFirst => devices.reverse(),
        }
        devices
    }

    /// Returns the cursor of a page whose last user has the number `last`; `more` says whether users follow.
    pub(crate) fn cursor_after(&self, last: Option<u64>, more: bool) -> NextCursor {
        match (last, self.last_page) {
            (Some(last), _) if more => NextCursor::After(last),
            (Some(last), LastPage::EmptyPage) => NextCursor::After(last),
            (_, LastPage::Repeated) => NextCursor::AsAsked,
            _ => NextCursor::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::App;
    use crate::rules::sign_in::SignInRequest;

    #[test]
    fn a_verb_is_known_or_not() {
        for (delete, get) in [(true, true), (true, false), (false, true)] {
            let habits = Habits {
                logout_by_delete: delete,
                logout_by_get: get,
                ..Habits::default()
            };
            assert_eq!(habits.knows_logout_by(&http::Method::DELETE), delete);
            assert_eq!(habits.knows_logout_by(&http::Method::GET), get);
        }
    }

    #[test]
    fn devices_are_listed_in_the_order_of_the_server() {
        let mut app = App::new("o#a", None);
        app.register_for_test("ann");
        for (at, resource) in ["ios_b", "web_c", "android_a"].into_iter().enumerate() {
            let request = SignInRequest::with_resource(resource);
            app.sign_in("ann", request, at as u64).unwrap();
        }
        let devices = &app.users.find("ann").unwrap().devices;
        for (order, expected) in [
            (DeviceOrder::ByName, ["android_a", "ios_b", "web_c"]),
            (DeviceOrder::OldestFirst, ["ios_b", "web_c", "android_a"]),
            (DeviceOrder::NewestFirst, ["android_a", "web_c", "ios_b"]),
        ] {
            let habits = Habits {
                device_order: order,
                ..Habits::default()
            };
            let listed = habits.order(devices.iter().collect());
            let names: Vec<&str> = listed.iter().map(|device| device.resource.as_str()).collect();
            assert_eq!(names, expected, "{order:?}");
        }
    }

    #[test]
    fn only_the_last_page_differs() {
        use NextCursor::{After, AsAsked, None as Nothing};
        for (style, on_last, on_empty) in [
            (LastPage::NoCursor, Nothing, Nothing),
            (LastPage::EmptyPage, After(7), Nothing),
            (LastPage::Repeated, AsAsked, AsAsked),
        ] {
            let habits = Habits {
                last_page: style,
                ..Habits::default()
            };
            assert_eq!(habits.cursor_after(Some(7), true), After(7), "{style:?}");
            assert_eq!(habits.cursor_after(Some(7), false), on_last, "{style:?}");
            assert_eq!(habits.cursor_after(None, false), on_empty, "{style:?}");
        }
    }
}
