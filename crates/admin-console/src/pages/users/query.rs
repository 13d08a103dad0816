//! What of the list is shown, as the address says it: filter, order, place, columns and selection. Pure.

use jiff::Timestamp;
use url::form_urlencoded::{Serializer, parse};

use crate::times::hours_before;

/// Which users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// How the name begins; after a `*`, what is somewhere in it.
    pub(super) name: Option<String>,
    pub(super) platform: Option<String>,
    pub(super) devices_at_least: Option<u64>,
    pub(super) over_limit: bool,
    /// Seen within so many hours.
    pub(super) seen_hours: Option<u32>,
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Sort {
    User,
    #[default]
    LastSeen,
    Devices,
}

impl Sort {
    pub(super) fn in_address(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::LastSeen => "last_seen",
            Self::Devices => "devices",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::User, Self::LastSeen, Self::Devices]
            .into_iter()
            .find(|sort| sort.in_address() == word)
    }
}

/// A column that can be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Devices,
    Platforms,
    OverLimit,
    LastSeen,
    Status,
}

impl Column {
    pub(super) const ALL: [Self; 5] = [
        Self::Devices,
        Self::Platforms,
        Self::OverLimit,
        Self::LastSeen,
        Self::Status,
    ];

    pub(super) fn in_address(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Platforms => "platforms",
            Self::OverLimit => "over-limit",
            Self::LastSeen => "last-seen",
            Self::Status => "status",
        }
    }
}

/// Who is selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Selection {
    #[default]
    Nobody,
    /// Everybody on this page.
    Page,
    /// Everybody whom the filter leaves: so many, when they were counted.
    All { count: u64, at: Timestamp },
}

/// How many earlier pages one can go back.
const MOST_BACK: usize = 20;

/// The address of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) filter: Filter,
    pub(super) sort: Sort,
    /// The place that the page begins after.
    pub(super) after: Option<String>,
    /// The places of the pages before; the first page has none, which is the empty one.
    pub(super) back: Vec<String>,
    /// How many rows are before this page.
    pub(super) rows_before: u64,
    pub(super) hidden: Vec<Column>,
    pub(super) selection: Selection,
    /// How many were selected when the filter was changed.
    pub(super) had: u64,
    /// Users who were ticked.
    pub(super) ticked: Vec<String>,
}

impl Query {
    /// Reads the part of an address after the question mark. What it does not know is left out, and what is odd too: the
    /// page then shows more, and says which filters there are.
    pub(super) fn read(text: &str) -> Self {
        let mut query = Self::default();
        let (mut all, mut count, mut at) = (false, None, None);
        for (name, value) in parse(text.as_bytes()) {
            let text = value.trim();
            let given = (!text.is_empty()).then(|| text.to_owned());
            match &*name {
                "q" => query.filter.name = given,
                "platform" => query.filter.platform = given,
                "devices" => query.filter.devices_at_least = text.parse().ok().filter(|least| *least > 0),
                "over-limit" => query.filter.over_limit = text == "1",
                "seen" => {
                    query.filter.seen_hours = text.parse().ok().filter(|hours| (1..=8784).contains(hours));
                }
                "sort" => query.sort = Sort::of(text).unwrap_or_default(),
                "after" => query.after = given,
                "back" => query.back = text.split('.').map(str::to_owned).collect(),
                "row" => query.rows_before = text.parse().unwrap_or_default(),
                "hide" => query
                    .hidden
                    .extend(Column::ALL.into_iter().find(|column| column.in_address() == text)),
                "select" if text == "page" => query.selection = Selection::Page,
                "select" => all = text == "all",
                "count" => count = text.parse().ok(),
                "at" => at = text.parse().ok(),
                "had" => query.had = text.parse().unwrap_or_default(),
                "u" => query.ticked.extend(given),
                _ => {}
            }
        }
        if let (true, Some(count), Some(at)) = (all, count, at) {
            query.selection = Selection::All { count, at };
        }
        query
    }

    /// Returns the fields of an address, in an order that does not change.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = self.filter.fields();
        if self.sort != Sort::default() {
            fields.push(("sort", self.sort.in_address().into()));
        }
        fields.extend(
            self.hidden
                .iter()
                .map(|column| ("hide", column.in_address().into())),
        );
        if let Some(after) = &self.after {
            fields.push(("after", after.clone()));
            fields.push(("back", self.back.join(".")));
            fields.push(("row", self.rows_before.to_string()));
        }
        match &self.selection {
            Selection::Nobody => {}
            Selection::Page => fields.push(("select", "page".into())),
            Selection::All { count, at } => {
                fields.push(("select", "all".into()));
                fields.push(("count", count.to_string()));
                fields.push(("at", at.to_string()));
            }
        }
        fields
    }

    /// Returns the address, below the one of the list.
    pub(super) fn address(&self, list: &str) -> String {
        let fields = self.fields();
        if fields.is_empty() {
            return list.to_owned();
        }
        let mut text = Serializer::new(String::new());
        text.extend_pairs(fields);
        format!("{list}?{}", text.finish())
    }

    /// Returns the first page with another filter. Nobody is selected there.
    pub(super) fn with(&self, filter: Filter) -> Self {
        Self {
            filter,
            sort: self.sort,
            hidden: self.hidden.clone(),
            ..Self::default()
        }
    }

    /// Returns the first page in another order.
    pub(super) fn sorted(&self, sort: Sort) -> Self {
        Self {
            sort,
            ..self.with(self.filter.clone())
        }
    }

    /// Returns the same page with another selection.
    pub(super) fn selecting(&self, selection: Selection) -> Self {
        Self {
            selection,
            had: 0,
            ..self.clone()
        }
    }

    /// Returns the same page with a column shown or hidden.
    pub(super) fn toggling(&self, column: Column) -> Self {
        let mut query = self.selecting(Selection::Nobody);
        let before = query.hidden.len();
        query.hidden.retain(|hidden| *hidden != column);
        if query.hidden.len() == before {
            query.hidden.push(column);
        }
        query
    }

    /// Returns the next page. Everybody stays selected, and nobody who was ticked.
    pub(super) fn next(&self, after: String, rows: u64) -> Self {
        let mut back = self.back.clone();
        back.push(self.after.clone().unwrap_or_default());
        back.drain(..back.len().saturating_sub(MOST_BACK));
        Self {
            after: Some(after),
            back,
            rows_before: self.rows_before + rows,
            selection: self.selection_of_all(),
            had: 0,
            ..self.clone()
        }
    }

    /// Returns the page before, if there is one.
    pub(super) fn previous(&self, rows: u64) -> Option<Self> {
        self.after.as_ref()?;
        let mut back = self.back.clone();
        let after = back.pop().filter(|after| !after.is_empty());
        Some(Self {
            rows_before: after
                .as_ref()
                .map_or(0, |_| self.rows_before.saturating_sub(rows)),
            after,
            back,
            selection: self.selection_of_all(),
            had: 0,
            ..self.clone()
        })
    }

    fn selection_of_all(&self) -> Selection {
        match &self.selection {
            Selection::Page => Selection::Nobody,
            other => other.clone(),
        }
    }

    /// Returns whether a column is shown.
    pub(super) fn shows(&self, column: Column) -> bool {
        !self.hidden.contains(&column)
    }
}

impl Filter {
    /// Returns the fields of an address.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = Vec::new();
        fields.extend(self.name.clone().map(|name| ("q", name)));
        fields.extend(self.platform.clone().map(|platform| ("platform", platform)));
        fields.extend(self.devices_at_least.map(|least| ("devices", least.to_string())));
        fields.extend(self.over_limit.then(|| ("over-limit", "1".to_owned())));
        fields.extend(self.seen_hours.map(|hours| ("seen", hours.to_string())));
        fields
    }

    /// Returns the parameters of the API.
    pub(super) fn parameters(&self, now: Timestamp) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        match self
            .name
            .as_deref()
            .map(|name| name.strip_prefix('*').ok_or(name))
        {
            Some(Ok("")) | None => {}
            Some(Ok(part)) => parameters.push(("contains", part.to_owned())),
            Some(Err(beginning)) => parameters.push(("begins_with", beginning.to_owned())),
        }
        parameters.extend(self.platform.clone().map(|platform| ("platform", platform)));
        parameters.extend(
            self.devices_at_least
                .map(|least| ("devices_at_least", least.to_string())),
        );
        parameters.extend(self.over_limit.then(|| ("over_limit", "true".to_owned())));
        let since = |hours: u32| hours_before(now, i64::from(hours));
        parameters.extend(
            self.seen_hours
                .map(|hours| ("seen_since", since(hours).to_string())),
        );
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "q=acct0&platform=web&devices=3&over-limit=1&seen=24&sort=devices&hide=status";

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for text in [
            "",
            FULL,
            "q=%E5%BC%A0+%26",
            "after=abc&back=x.y&row=40",
            "platform=web&select=page",
            "over-limit=1&select=all&count=1284&at=2026-11-28T01%3A42%3A18Z",
        ] {
            let query = Query::read(text);
            let address = query.address("/console/prod/users");
            let (_, again) = address.split_once('?').unwrap_or_default();
            assert_eq!(again, text);
            assert_eq!(Query::read(again), query);
        }
    }

    #[test]
    fn what_is_odd_filters_nothing() {
        let odd = Query::read(
            "devices=-1&devices=x&over-limit=yes&seen=0&sort=evil&hide=x&select=all&row=-1&zzz=1&q=++",
        );
        assert_eq!(odd, Query::default(), "all without its count is nobody, too");
    }

    #[test]
    fn any_change_of_the_filter_clears_the_selection() {
        let mut query = Query::read(&format!(
            "{FULL}&select=all&count=9&at=2026-11-28T01:42:18Z&after=x&back=&row=20"
        ));
        assert!(matches!(query.selection, Selection::All { count: 9, .. }));
        let changed = query.with(Filter::default());
        assert_eq!(
            (&changed.selection, changed.after.as_ref()),
            (&Selection::Nobody, None)
        );
        assert_eq!(query.sorted(Sort::User).selection, Selection::Nobody);
        query.selection = Selection::Page;
        assert_eq!(
            query.next("y".into(), 20).selection,
            Selection::Nobody,
            "the next page has others"
        );
    }

    #[test]
    fn pages_go_forth_and_back() {
        let first = Query::read("sort=user");
        let second = first.next("a".into(), 20);
        let third = second.next("b".into(), 20);
        assert_eq!(
            (third.rows_before, third.back.clone()),
            (40, vec![String::new(), "a".into()])
        );
        assert_eq!(third.previous(20), Some(second.clone()));
        assert_eq!(second.previous(20), Some(first.clone()));
        assert_eq!(first.previous(20), None);
        let mut far = first;
        for page in 0..100 {
            far = far.next(page.to_string(), 20);
        }
        assert_eq!(far.back.len(), MOST_BACK, "an address does not grow for ever");
    }

    #[test]
    fn a_star_looks_inside_names() {
        let now: Timestamp = "2026-11-28T01:42:18Z".parse().unwrap();
        let of = |text: &str| Query::read(text).filter.parameters(now);
        assert_eq!(of("q=ann"), [("begins_with", "ann".to_owned())]);
        assert_eq!(of("q=*ann"), [("contains", "ann".to_owned())]);
        assert_eq!(of("q=*"), []);
        assert_eq!(of("seen=1"), [("seen_since", "2026-11-28T00:42:18Z".to_owned())]);
    }
}
