//! What a run writes to the audit trail: [`sink`] writes it there before it goes into the journal, [`parts`]
//! splits events that are too long for a line, and [`taken_over`] restores what the trail has and the journal
//! lost. [`happened`] makes entries that belong to no run.

mod happened;
pub mod parts;
pub mod sink;
pub mod taken_over;

pub use self::happened::happened;
