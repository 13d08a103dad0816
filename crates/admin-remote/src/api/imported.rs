//! What became of posts that were sent to be kept.

use serde::{Deserialize, Serialize};

/// What became of posts that were sent to be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Imported {
    /// Lines that are not empty.
    pub lines: u64,
    /// Events that were not known.
    pub new: u64,
    /// Events that were kept already.
    pub duplicate: u64,
    /// Posts that are not about logins.
    pub other: u64,
    /// Lines that are no post about this app.
    pub refused: u64,
    /// The first 1,000 of these.
    pub refusals: Vec<RefusedPost>,
}

/// A line that is no post about the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RefusedPost {
    /// Its number among the lines that are not empty, from 1.
    pub line: u64,
    /// Why.
    pub why: String,
}
