//! Which columns of the rows are shown, and in which order: `--fields`, `--sort`, `--no-headers`.

use std::cmp::Ordering;
use std::convert::Infallible;
use std::str::FromStr;

use easemob_admin_words::t;

/// What was asked for, before it is known which columns there are.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The columns, in this order; all of them if there are none.
    pub fields: Vec<String>,
    /// The columns that decide the order of the rows, the first one first.
    pub sort: Vec<SortBy>,
    /// Leaves out the titles of the columns.
    pub no_headers: bool,
}

/// A column that decides the order of the rows: `user`, or `-online` for the largest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortBy {
    field: String,
    descending: bool,
}

impl FromStr for SortBy {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let (field, descending) = match text.strip_prefix('-') {
            Some(field) => (field, true),
            None => (text, false),
        };
        Ok(Self {
            field: field.to_owned(),
            descending,
        })
    }
}

/// The rows have no such column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", t!("the rows have no column `{field}`"))]
pub struct UnknownField {
    field: String,
    /// The columns that they have.
    pub known: &'static [&'static str],
}

/// What is shown of the rows of one command: numbers of their columns.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// The columns, if not all of them.
    pub columns: Option<Vec<usize>>,
    /// The columns that decide the order, and whether the largest is first.
    order: Vec<(usize, bool)>,
    /// Whether the titles of the columns are left out.
    pub no_headers: bool,
}

impl View {
    /// Finds the columns.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn of(&self, columns: &'static [&'static str]) -> Result<Shown, UnknownField> {
        let find = |field: &str| {
            columns
                .iter()
                .position(|column| *column == field)
                .ok_or_else(|| UnknownField {
                    field: field.to_owned(),
                    known: columns,
                })
        };
        let chosen: Vec<usize> = self
            .fields
            .iter()
            .map(|field| find(field))
            .collect::<Result<_, _>>()?;
        let order = self.sort.iter().map(|by| Ok((find(&by.field)?, by.descending)));
        Ok(Shown {
            columns: (!chosen.is_empty()).then_some(chosen),
            order: order.collect::<Result<_, _>>()?,
            no_headers: self.no_headers,
        })
    }
}

impl Shown {
    /// Returns true if rows have to be held back until all of them are known.
    #[must_use]
    pub fn is_sorted(&self) -> bool {
        !self.order.is_empty()
    }

    /// Returns what decides the place of a row.
    #[must_use]
    pub fn place(&self, cells: &[String]) -> Vec<String> {
        self.order
            .iter()
            .map(|(column, _)| cells[*column].clone())
            .collect()
    }

    /// Compares two places; rows without a value are last in either direction.
    #[must_use]
    pub fn compare(&self, one: &[String], other: &[String]) -> Ordering {
        let columns = self.order.iter().zip(one.iter().zip(other));
        columns
            .map(
                |((_, descending), (one, other))| match (one.is_empty(), other.is_empty()) {
                    (false, false) if *descending => natural(other, one),
                    (false, false) => natural(one, other),
                    (one, other) => one.cmp(&other),
                },
            )
            .find(|ordering| ordering.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

/// Compares numbers by value, and everything else as text.
fn natural(one: &str, other: &str) -> Ordering {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => one.total_cmp(&other),
        _ => one.cmp(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[&str] = &["user", "online"];

    fn sorted(by: &[&str], rows: &[[&str; 2]]) -> Vec<String> {
        let view = View {
            sort: by.iter().map(|by| by.parse().unwrap()).collect(),
            ..View::default()
        };
        let shown = view.of(COLUMNS).unwrap();
        assert!(shown.is_sorted());
        let row = |row: &[&str; 2]| row.map(str::to_owned).to_vec();
        let mut rows: Vec<Vec<String>> = rows.iter().map(row).collect();
        rows.sort_by(|one, other| shown.compare(&shown.place(one), &shown.place(other)));
        rows.into_iter().map(|row| row[0].clone()).collect()
    }

    #[test]
    fn numbers_are_compared_by_value_and_what_is_missing_is_last() {
        let rows = [["ann", "10"], ["bob", ""], ["eve", "9"], ["dan", "9"]];
        assert_eq!(sorted(&["online"], &rows), ["eve", "dan", "ann", "bob"]);
        assert_eq!(sorted(&["-online", "user"], &rows), ["ann", "dan", "eve", "bob"]);
        assert_eq!(sorted(&["-user"], &rows), ["eve", "dan", "bob", "ann"]);
    }

    #[test]
    fn an_unknown_column_is_refused_with_those_that_there_are() {
        let fields = |field: &str| View {
            fields: vec![field.into()],
            ..View::default()
        };
        assert_eq!(fields("online").of(COLUMNS).unwrap().columns, Some(vec![1]));
        let error = fields("onlin").of(COLUMNS).unwrap_err();
        assert_eq!(error.to_string(), "the rows have no column `onlin`");
        assert_eq!(error.known, COLUMNS);
        assert!(!View::default().of(COLUMNS).unwrap().is_sorted());
    }
}
